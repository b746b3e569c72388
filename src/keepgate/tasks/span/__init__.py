"""A reader that points at the answer in the text: what is counted, compared, learnt and decoded."""

from ...data.corpora import read
from ..kind import ASK, TaskKind
from .reader import SpanReader
from .recipe import recipe
from .settings import SpanReaderSettings

__all__ = ["KIND", "SpanReader", "SpanReaderSettings"]

KIND = TaskKind(task=SpanReader, recipe=recipe, read=read, unit="questions", asks=True, use=ASK)
