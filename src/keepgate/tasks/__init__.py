"""States → answer: each task is a folder with a head, a loss, metrics and a recipe. kinds.py lists them."""

from ..lazy import lazy_exports

__all__ = [
    "KINDS",
    "ChoiceReader",
    "Classifier",
    "Forecaster",
    "LanguageModel",
    "SpanReader",
    "Tagger",
    "TaskKind",
]

__getattr__, __dir__ = lazy_exports(__name__, {"kinds": __all__})
