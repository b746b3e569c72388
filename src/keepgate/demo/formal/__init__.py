"""Formal languages: networks trained on short strings, tested on long ones, and the automata that they have become."""
