"""A reader that points at the answer in the text: what is counted, compared, learnt and decoded."""

from .reader import SpanReader
from .settings import SpanReaderSettings

__all__ = ["SpanReader", "SpanReaderSettings"]
