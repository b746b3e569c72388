"""MultilabelClassifier: which of several labels a text has."""

from ...lazy import lazy_exports

__all__ = ["KIND", "MultilabelClassifier", "MultilabelSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"classifier": ("MultilabelClassifier",), "kind": ("KIND",), "settings": ("MultilabelSettings",)},
)
