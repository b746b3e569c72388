"""The report of a comparison: one HTML file that needs no network, in two languages."""
