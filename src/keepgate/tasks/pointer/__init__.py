"""PointerReader: one recurrent network over text and question, which points at the answer in the text."""

from ...lazy import lazy_exports

__all__ = ["KIND", "PointerReader", "PointerReaderSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"kind": ("KIND",), "reader": ("PointerReader",), "settings": ("PointerReaderSettings",)},
)
