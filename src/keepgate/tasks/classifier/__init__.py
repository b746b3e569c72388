"""Classifier: text classification."""

from ...lazy import lazy

__all__ = ["KIND", "Classifier", "ClassifierSettings"]

__getattr__ = lazy(
    __name__,
    {"classifier": ("Classifier",), "kind": ("KIND",), "settings": ("ClassifierSettings",)},
)
