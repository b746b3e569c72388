"""Classifier: text classification."""

from ...lazy import lazy_exports

__all__ = ["KIND", "Classifier", "ClassifierSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"classifier": ("Classifier",), "kind": ("KIND",), "settings": ("ClassifierSettings",)},
)
