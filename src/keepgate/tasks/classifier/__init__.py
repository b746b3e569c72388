"""Classifier: text classification."""

from ...lazy import lazy

__all__ = ["KIND", "Classifier", "ClassifierSettings"]

__getattr__, __dir__ = lazy(
    __name__,
    {"classifier": ("Classifier",), "kind": ("KIND",), "settings": ("ClassifierSettings",)},
)
