"""Classification runs: accuracy over epochs, under disturbances, on new classes and tasks in a row."""
