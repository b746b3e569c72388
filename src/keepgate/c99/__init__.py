"""A model as two C99 files, header and source, that need no library and allocate nothing. Imports no torch."""

from .export import CExport, export

__all__ = ["CExport", "export"]
