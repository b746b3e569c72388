"""Pointer reader: one recurrent network over text and question, which points at the answer in the text."""
