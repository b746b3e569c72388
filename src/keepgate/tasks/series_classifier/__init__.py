"""SeriesClassifier: classification of series of numbers."""

from ...lazy import lazy_exports

__all__ = ["KIND", "SeriesClassifier", "SeriesClassifierSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"classifier": ("SeriesClassifier",), "kind": ("KIND",), "settings": ("SeriesClassifierSettings",)},
)
