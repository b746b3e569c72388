"""A text as the tokens of a language model, with their places, and tokens as text again."""

import re
from collections.abc import Iterable, Iterator

from ...data.text import Tokens
from .settings import TokenKind

LINE_END = "\n"
_WORD = re.compile(r"\n|\S+")


def tokens_of(text: str, kind: TokenKind) -> Tokens:
    """Characters, or words and line ends, as they stand there, capitals included."""
    if kind == "characters":
        return Tokens(tuple(text), tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    matches = list(_WORD.finditer(text))
    texts = tuple(match.group() for match in matches)
    return Tokens(texts, tuple(match.start() for match in matches), tuple(match.end() for match in matches))


def texts_of(tokens: Iterable[str], kind: TokenKind, before: str) -> Iterator[str]:
    """What each token adds to a text that ends with the token `before`: within a line, a word has a blank before it."""
    for token in tokens:
        blank = kind == "words" and LINE_END not in (before, token)
        yield f" {token}" if blank else token
        before = token
