"""Pairs of neighbouring tokens (bigrams), as a vocabulary counts and looks them up."""

from collections.abc import Sequence

# What stands between the two tokens of a pair in its name, and for the token after the last one.
JOIN, END = "\t", "<end>"


def pairs_of(text: Sequence[str]) -> list[str]:
    """Of each token, the pair that it makes with the next, as one string: the two, with a tab between them."""
    return [f"{token}{JOIN}{after}" for token, after in zip(text, [*text[1:], END], strict=True)]
