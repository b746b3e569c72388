"""From a cell to text: the same equations, written in the languages that fast kernels are written in."""

from .cpp import files, header

__all__ = ["files", "header"]
