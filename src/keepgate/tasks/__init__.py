"""States → answer: each task is a head, a loss, a metric and a decoder."""
