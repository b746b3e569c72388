"""A reader that picks one of the answers it has seen in training."""

from ...data.corpora import read
from ..kind import ASK, TaskKind
from .reader import ChoiceReader
from .recipe import recipe
from .settings import ChoiceReaderSettings

__all__ = ["KIND", "ChoiceReader", "ChoiceReaderSettings"]

KIND = TaskKind(task=ChoiceReader, recipe=recipe, read=read, unit="questions", asks=True, use=ASK)
