"""ChoiceReader: multiple-choice question answering over the answers met in training."""

from ...lazy import lazy_exports

__all__ = ["KIND", "ChoiceReader", "ChoiceReaderSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"kind": ("KIND",), "reader": ("ChoiceReader",), "settings": ("ChoiceReaderSettings",)},
)
