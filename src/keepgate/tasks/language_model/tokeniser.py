"""Tokeniser: a text as the tokens of a language model, and tokens as text again; of characters, words or byte pairs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...data.labelled import LabelledText
from ...data.text import Tokens
from ...data.vocabulary import SPECIAL, Vocabulary
from ...errors import CorpusError
from .byte_pairs import BytePairs
from .settings import LanguageModelSettings, TokenKind
from .tokens import count_tokens, encoder, ids_of, shown_names, texts_of, tokens_of


class Tokeniser(Protocol):
    """What a language model reads texts by."""

    vocabulary: Vocabulary

    def tokens(self, text: str) -> Tokens:
        """The tokens of a text with their places."""

    def ids(self, text: str) -> NDArray[np.int64]:
        """The number of each token of a text; 1 for those that the vocabulary lacks."""

    def texts(self, tokens: Iterable[str], before: str) -> Iterator[str]:
        """What each token of the vocabulary adds to a text that ends with the token `before`."""

    def names(self) -> tuple[str, ...]:
        """The tokens by their numbers, as a prediction shows them."""

    def to_json(self) -> dict[str, Any]:
        """What `tokeniser_from` makes it from again."""


class PlainTokens:
    """Characters or words, as they stand in a text."""

    def __init__(self, vocabulary: Vocabulary, kind: TokenKind) -> None:
        self.vocabulary, self.kind = vocabulary, kind

    def tokens(self, text: str) -> Tokens:
        """The tokens of a text with their places."""
        return tokens_of(text, self.kind)

    def ids(self, text: str) -> NDArray[np.int64]:
        """The number of each token of a text; 1 for those that the vocabulary lacks."""
        return np.array(ids_of(text, self.vocabulary, self.kind), dtype=np.int64)

    def texts(self, tokens: Iterable[str], before: str) -> Iterator[str]:
        """What each token adds to a text that ends with the token `before`."""
        return texts_of(tokens, self.kind, before)

    def names(self) -> tuple[str, ...]:
        """The tokens by their numbers, a blank as ␣, a line's end as ↵."""
        return shown_names(self.vocabulary)

    def to_json(self) -> dict[str, Any]:
        """The tokens in the order of their numbers."""
        return {"tokens": self.vocabulary.to_json()}


def build_tokeniser(pieces: Iterable[str], settings: LanguageModelSettings) -> Tokeniser:
    """The tokens of the pieces of some texts, none of which ends inside a word.

    Raises CorpusError if there are fewer than two different tokens, PackageMissing for byte pairs without tokenizers.
    """
    if settings.tokens == "byte_pairs":
        return BytePairs.build(pieces, settings)
    counts = count_tokens(pieces, settings.tokens)
    vocabulary = Vocabulary.most_frequent(
        Counter({token: count for token, count in counts.items() if token not in SPECIAL}), settings.min_count
    )
    if len(counts) < 2 or len(vocabulary) <= len(SPECIAL):
        raise CorpusError(
            f"different {settings.tokens} in the training texts: {len(counts)}, of which with "
            f"min_count={settings.min_count} occurrences or more: {len(vocabulary) - len(SPECIAL)}; a language "
            "model needs two or more different ones, and one so frequent"
        )
    return PlainTokens(vocabulary, settings.tokens)


def tokeniser_from(plain: Mapping[str, Any], settings: LanguageModelSettings) -> Tokeniser:
    """What `to_json` gave. Raises CorpusError for another form, PackageMissing for byte pairs without tokenizers."""
    if settings.tokens == "byte_pairs":
        return BytePairs.from_json(plain)
    return PlainTokens(Vocabulary.from_json(plain.get("tokens")), settings.tokens)


def encoder_of(tokeniser: Tokeniser) -> Callable[[str], NDArray[np.int64]]:
    """`ids`, fast for large texts."""
    if isinstance(tokeniser, PlainTokens):
        return encoder(tokeniser.vocabulary, tokeniser.kind)
    return tokeniser.ids


def ids_to_read(item: LabelledText, tokeniser: Tokeniser) -> list[int]:
    """The numbers of the tokens of an item's text. Raises CorpusError for a text in which there is nothing."""
    ids: list[int] = tokeniser.ids(item.text).tolist()
    if not ids:
        raise CorpusError(f"text {item.id!r} is empty; give one with something in it")
    return ids
