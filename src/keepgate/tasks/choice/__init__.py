"""A reader that picks one of the answers it has seen in training."""

from .reader import ChoiceReader
from .settings import ChoiceReaderSettings

__all__ = ["ChoiceReader", "ChoiceReaderSettings"]
