"""Tokens ↔ numbers, counted from a corpus. Number 0 pads, number 1 stands for what was never counted."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

from ..errors import CorpusError, ShapeError
from .text import words

PAD, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unknown>")


class Vocabulary:
    """The tokens it is given, numbered from 2 in their order; "<pad>" is 0 and "<unknown>" is 1.

    Raises CorpusError if a token comes twice.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = (*SPECIAL, *tokens)
        self._ids = {token: number for number, token in enumerate(self._tokens)}
        self._composed = {_nfc(token): number for token, number in self._ids.items()}
        if len(self._ids) < len(self._tokens):
            twice = [token for token, count in Counter(self._tokens).most_common(3) if count > 1]
            raise CorpusError(
                f"a vocabulary has each token once, but {', '.join(map(repr, twice))} comes again"
            )

    @classmethod
    def count(cls, texts: Iterable[str]) -> Self:
        """The tokens of these texts in lower case, the most frequent first, then by their characters."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(words(text))
        return cls.most_frequent(counts)

    @classmethod
    def most_frequent(cls, counts: Counter[str], at_least: int = 1, at_most: int | None = None) -> Self:
        """The tokens that occur `at_least` so often, the most frequent first, then by their characters.

        at_most: how many tokens are taken, the two special ones not counted.
        """
        frequent = [token for token, count in counts.items() if count >= at_least]
        return cls(sorted(frequent, key=lambda token: (-counts[token], token))[:at_most])

    def __len__(self) -> int:
        return len(self._tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._tokens == other._tokens

    def __hash__(self) -> int:
        return hash(self._tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """The number of each token, 1 for those it does not know.

        The tokens are looked up as they are, and those that are not there as what Unicode calls the same: é may be one
        character or e with an accent after it (NFC and NFD).
        """
        tokens = [*tokens]
        numbers = [*map(self._ids.get, tokens)]
        return [
            self._composed.get(_nfc(token), UNKNOWN) if number is None else number
            for token, number in zip(tokens, numbers, strict=True)
        ]

    def unknown(self, tokens: Iterable[str]) -> list[int]:
        """The places of the tokens that are not in it, in either case of letters: all of them look alike to a model."""
        return [
            place for place, number in enumerate(self.ids(t.lower() for t in tokens)) if number == UNKNOWN
        ]

    def token(self, number: int) -> str:
        """The token of this number. Raises ShapeError if there is none."""
        if not 0 <= number < len(self):
            raise ShapeError(f"no token has number {number}; this vocabulary's go from 0 to {len(self) - 1}")
        return self._tokens[number]

    def to_json(self) -> list[str]:
        """The tokens in the order of their numbers, without the two special ones."""
        return list(self._tokens[len(SPECIAL) :])

    @classmethod
    def from_json(cls, tokens: Any) -> Self:
        """The vocabulary whose `to_json` gave this list. Raises CorpusError if it is not a list of texts."""
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise CorpusError("a vocabulary is read from a list of tokens, each of them text")
        return cls(tokens)


def _nfc(token: str) -> str:
    return token if token.isascii() else unicodedata.normalize("NFC", token)
