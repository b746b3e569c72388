"""LanguageModel: the probability of each next token, by character or by word."""

from ...lazy import lazy_exports

__all__ = ["KIND", "LanguageModel", "LanguageModelSettings", "Writer"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "kind": ("KIND",),
        "model": ("LanguageModel",),
        "settings": ("LanguageModelSettings",),
        "writing": ("Writer",),
    },
)
