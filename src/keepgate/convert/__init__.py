"""Models of other libraries → layers of ours, gates put in order by name. No code of a file is run."""
