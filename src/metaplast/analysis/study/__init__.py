"""Studies: all their members together, and what they say of each claim."""
