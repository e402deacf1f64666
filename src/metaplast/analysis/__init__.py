"""What runs have left is measured: from run directories to rows, intervals and words; files are written by `runs`."""
