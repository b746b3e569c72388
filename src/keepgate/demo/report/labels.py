"""The report's words in each language: every string has its home in words.toml."""

from ...wording import (
    EARLY,
    LANGUAGES,
    Part,
    Say,
    Words,
    amount,
    between,
    count,
    decade,
    exact,
    power,
    say,
    share,
    size,
)

__all__ = [
    "EARLY",
    "LANGUAGES",
    "Part",
    "Say",
    "amount",
    "between",
    "count",
    "decade",
    "exact",
    "power",
    "say",
    "sentence",
    "share",
    "size",
    "speak",
    "table",
]

_WORDS = Words("keepgate.demo.report")
table, speak, sentence = _WORDS.table, _WORDS.speak, _WORDS.sentence
