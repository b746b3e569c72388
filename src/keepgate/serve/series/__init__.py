"""The page for series: forecasters and series classifiers, one at a time, over a window that the visitor chooses."""
