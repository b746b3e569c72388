"""SpanReader: extractive question answering, the answer as a span of the text."""

from ...lazy import lazy_exports

__all__ = ["KIND", "SpanReader", "SpanReaderSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"kind": ("KIND",), "reader": ("SpanReader",), "settings": ("SpanReaderSettings",)},
)
