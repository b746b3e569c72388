"""Recurrent layers, and what else a task's network is made of, on numpy arrays and the C++ core, without torch."""
