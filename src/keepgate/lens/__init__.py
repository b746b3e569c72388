"""Trace → what a person sees."""
