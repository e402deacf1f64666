"""What is measured in what runs have left: pure functions from run directories to rows, intervals and words."""
