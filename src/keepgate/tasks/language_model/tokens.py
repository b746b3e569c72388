"""A text as the tokens of a language model, with their places, and tokens as text again."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ...data.labelled import LabelledText
from ...data.text import Tokens
from ...data.vocabulary import PAD, SPECIAL, UNKNOWN, Vocabulary
from ...errors import SettingsError
from .settings import TokenKind

LINE_END = "\n"
# Tokens that nobody would see where a prediction is shown, and the signs for them.
_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥"}
_WORD = re.compile(r"\n|\S+")


def tokens_of(text: str, kind: TokenKind) -> Tokens:
    """Characters, or words and line ends, as they stand there, capitals included."""
    if kind == "characters":
        return Tokens(tuple(text), tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    matches = list(_WORD.finditer(text))
    texts = tuple(match.group() for match in matches)
    return Tokens(texts, tuple(match.start() for match in matches), tuple(match.end() for match in matches))


def count_tokens(pieces: Iterable[str], kind: TokenKind) -> Counter[str]:
    """How often each token occurs in the pieces of some texts, none of which ends inside a word."""
    if kind == "words":
        return Counter(token for piece in pieces for token in _WORD.findall(piece))
    counts = np.zeros(sys.maxunicode + 1, dtype=np.int64)
    for piece in pieces:
        counts += np.bincount(_code_points(piece), minlength=len(counts))
    return Counter({chr(point): int(counts[point]) for point in counts.nonzero()[0]})


def encoder(vocabulary: Vocabulary, kind: TokenKind) -> Callable[[str], NDArray[np.int64]]:
    """`ids_of` as an array; of characters by a table, as of large files."""
    if kind == "words":
        return lambda text: np.array(ids_of(text, vocabulary, kind), dtype=np.int64)
    table = np.full(sys.maxunicode + 1, UNKNOWN, dtype=np.int64)
    for number, token in enumerate(vocabulary.to_json(), len(SPECIAL)):
        if len(token) == 1:
            table[ord(token)] = number
    return lambda text: table[_code_points(text)]


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def texts_of(tokens: Iterable[str], kind: TokenKind, before: str) -> Iterator[str]:
    """What each token adds to a text that ends with the token `before`: within a line, a word has a blank before it."""
    for token in tokens:
        blank = kind == "words" and LINE_END not in (before, token)
        yield f" {token}" if blank else token
        before = token


def shown_names(vocabulary: Vocabulary) -> tuple[str, ...]:
    """The tokens by their numbers, as a prediction shows them: a blank as ␣, a line's end as ↵."""
    signs = {token: sign for token, sign in _SIGNS.items() if sign not in vocabulary}
    return (*SPECIAL, *(signs.get(token, token) for token in vocabulary.to_json()))


def ids_of(text: str, vocabulary: Vocabulary, kind: TokenKind) -> list[int]:
    """The number of each token of a text; 1 for those that the vocabulary lacks."""
    # A word that is written as the padding is called is unknown too.
    numbers = vocabulary.ids(tokens_of(text, kind).texts)
    return [number if number != PAD else UNKNOWN for number in numbers]


def text_to_go_on(text: str, question: str | None) -> LabelledText:
    """A text to go on with. Raises SettingsError for a question: a language model is not asked any."""
    if question is not None:
        raise SettingsError("a language model goes on with a text and takes no question; leave it out")
    return LabelledText(text=text)
