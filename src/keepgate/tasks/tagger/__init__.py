"""Tagger: one tag for each token: named entities, words, parts of speech."""

from ...lazy import lazy_exports

__all__ = ["KIND", "Tagger", "TaggerSettings"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {"kind": ("KIND",), "settings": ("TaggerSettings",), "tagger": ("Tagger",)},
)
