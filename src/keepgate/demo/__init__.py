"""Demonstration: networks side by side on synthetic stories, how far back each remembers and why, and its report."""
