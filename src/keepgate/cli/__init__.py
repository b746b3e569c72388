"""keepgate on the command line: one file for each command; it shows what the other packages compute."""
