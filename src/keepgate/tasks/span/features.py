"""Exact-match features of a text and a question, token by token, as numbers between about -1 and 2.

A network short of training data cannot learn to compare words it has hardly seen; these features do it for the network.
Exact-match features: Chen et al. (2017), "Reading Wikipedia to answer open-domain questions", arXiv:1704.00051.
"""

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.text import Tokens, tokenize
from .corpus_statistics import CorpusStatistics

Floats = NDArray[np.float32]

NEAR = (5, 14, 40)  # tokens to either side in which matches are summed
FADE = (5.0, 20.0)  # tokens after which the nearness of a match has fallen to 1/e
PAUSE, STOP = "，。；：？！、,.;:?!", "。！？"
OPENING, CLOSING = "《“（「『", "》”）」』"
KINDS = ("number", "word", "character", "pause")

BOUNDARIES = ("sticks to last", "sticks to next", "phrase ends", "phrase begins")

TEXT_FEATURES = (
    *("matches", "matches 2", "matches 3", "match length", "match weight", "rarity", "frequency"),
    *(f"{what} within {near}" for near in NEAR for what in ("match", "match 2")),
    *KINDS,
    "quoted",
    *(f"{what} of {part}" for part in ("sentence", "clause") for what in ("share", "share 2", "rank")),
    *(f"{side} match, fading {fade:.0f}" for fade in FADE for side in ("after", "before")),
    *BOUNDARIES,
    *("digits", "four digits", "place"),
)
# What a text's features say about one word itself, to be hidden where the word is hidden.
OF_THE_WORD = frozenset((*TEXT_FEATURES[:7], *KINDS, *BOUNDARIES, "digits", "four digits"))
QUESTION_FEATURES = ("matches", "matches 2", "match length", "rarity", *KINDS)


@dataclass(frozen=True, eq=False)
class AnalysedText:
    """The features of one text or question that do not depend on the other."""

    tokens: Tokens
    statistics: CorpusStatistics

    @cached_property
    def words(self) -> tuple[str, ...]:
        """In lower case and with composed accents, so that text and question match however each writes them."""
        return tuple(unicodedata.normalize("NFC", token.lower()) for token in self.tokens.texts)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        return self.statistics.ids(self.words)

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        return self.statistics.pair_ids(self.ids)

    @cached_property
    def rarity(self) -> Floats:
        return self.statistics.rarity[self.ids]

    @cached_property
    def kinds(self) -> NDArray[np.bool_]:
        """[tokens, 4], in the order of KINDS; all false for other signs."""
        first = [word[0] for word in self.words]
        number = np.array([letter.isdigit() for letter in first], dtype=bool)
        letter = np.array([letter.isalpha() for letter in first], dtype=bool) & ~number
        alone = np.array(["\u3041" <= word <= "\uffff" and len(word) == 1 for word in self.words], dtype=bool)
        pause = np.array([word in PAUSE for word in self.words], dtype=bool)
        return np.stack([number, letter & ~alone, letter & alone, pause], 1)

    @cached_property
    def alone(self) -> Floats:
        """[tokens, features]: TEXT_FEATURES of the text by itself; zeros where they need a question."""
        count = len(self.words)
        digits = np.array(
            [len(word) if number else 0 for word, number in zip(self.words, self.kinds[:, 0], strict=True)]
        )
        depth = np.cumsum([(word in OPENING) - (word in CLOSING) for word in self.words])
        columns = {
            "rarity": self.rarity,
            "frequency": self.statistics.frequency[self.ids],
            **dict(zip(KINDS, self.kinds.T, strict=True)),
            "quoted": depth > 0,
            **dict(zip(BOUNDARIES, self.statistics.boundaries(self.pairs).T, strict=True)),
            "digits": np.minimum(digits, 6) / 6,
            "four digits": digits == 4,
            "place": np.arange(count) / max(count, 1),
        }
        return np.stack([columns.get(name, np.zeros(count)) for name in TEXT_FEATURES], 1).astype(np.float32)

    def parts(self, ends: str) -> NDArray[np.int64]:
        """For each token, the number of the part that it is in, from 0; a part ends after any of these signs."""
        closing = [word in ends for word in self.words[:-1]]
        return np.cumsum([0, *closing])


def analyse(text: str, statistics: CorpusStatistics) -> AnalysedText:
    """The text cut into tokens. Needs at least one token to compare; the task refuses texts without."""
    return AnalysedText(tokenize(text), statistics)


def compare(text: AnalysedText, question: AnalysedText) -> tuple[Floats, Floats]:
    """(text [tokens, TEXT_FEATURES], question [tokens, QUESTION_FEATURES]).

    A match is a token that both have, signs of punctuation left out; its length counts the neighbours that match in the
    same order. Weights are rarities, and shares are of the question's whole rarity.
    """
    matches, length = _matches(text, question)
    longest, asked_longest = length.max(1, initial=0), length.max(0, initial=0)
    asked_weight = question.rarity * ~question.kinds[:, 3]
    total_weight = asked_weight.sum() + 1e-3
    unigram, bigram, trigram = longest > 0, longest > 1, longest > 2
    columns: dict[str, NDArray[Any]] = {
        "matches": unigram,
        "matches 2": bigram,
        "matches 3": trigram,
        "match length": np.minimum(longest, 8) / 8,
        "match weight": unigram * text.rarity,
    }
    for near in NEAR:
        columns[f"match within {near}"] = np.minimum(_around(unigram * text.rarity, near) / total_weight, 2)
        columns[f"match 2 within {near}"] = np.minimum(_around(bigram * text.rarity, near) / total_weight, 2)
    for name, ends in (("sentence", STOP), ("clause", STOP + "，；")):
        part = text.parts(ends)
        share = _share(part, matches, asked_weight) / total_weight
        columns[f"share of {name}"] = share[part]
        columns[f"share 2 of {name}"] = (_share(part, length > 1, asked_weight) / total_weight)[part]
        columns[f"rank of {name}"] = (share / (share.max() + 1e-3))[part] ** 2
    since, until = _distances(bigram)
    for fade in FADE:
        columns[f"after match, fading {fade:.0f}"] = np.exp(-since / fade)
        columns[f"before match, fading {fade:.0f}"] = np.exp(-until / fade)
    features = text.alone.copy()
    for name, values in columns.items():
        features[:, TEXT_FEATURES.index(name)] = values
    question_features = [
        asked_longest > 0,
        asked_longest > 1,
        np.minimum(asked_longest, 8) / 8,
        question.rarity,
        *question.kinds.T,
    ]
    return features, np.stack(question_features, 1).astype(np.float32)


def _matches(text: AnalysedText, question: AnalysedText) -> tuple[NDArray[np.bool_], NDArray[np.int16]]:
    """[text, question]: which tokens are the same, and how many in a row around each such pair."""
    number: dict[str, int] = {}
    text_words, question_words = (
        np.array([number.setdefault(word, len(number)) for word in side.words]) for side in (text, question)
    )
    matches = (text_words[:, None] == question_words) & ~text.kinds[:, 3:]
    up_to, onward = np.zeros((2, matches.shape[0] + 1, matches.shape[1] + 1), np.int16)
    for k in range(matches.shape[1]):
        up_to[1:, k + 1] = np.where(matches[:, k], up_to[:-1, k] + 1, 0)
    for k in reversed(range(matches.shape[1])):
        onward[:-1, k] = np.where(matches[:, k], onward[1:, k + 1] + 1, 0)
    return matches, np.where(matches, up_to[1:, 1:] + onward[:-1, :-1] - 1, 0).astype(np.int16)


def _around(values: Floats, near: int) -> NDArray[np.float64]:
    """For each place, the sum of the values at most `near` places away."""
    sums: NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    around: NDArray[np.float64] = (
        sums[np.minimum(len(values), place + near + 1)] - sums[np.maximum(0, place - near)]
    )
    return around


def _share(part: NDArray[np.int64], same: NDArray[np.bool_], asked_weight: Floats) -> NDArray[np.float64]:
    """For each part of the text, the weight of the question's tokens that occur in it, each token once."""
    occurs = np.zeros((part[-1] + 1, same.shape[1]), dtype=bool)
    places, asked = np.nonzero(same)
    occurs[part[places], asked] = True
    shares: NDArray[np.float64] = (occurs * asked_weight).sum(1)
    return shares


def _distances(match: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each place, how many places back the last match is and how many on the next; infinity if there is none."""
    place = np.arange(len(match), dtype=float)
    last = np.maximum.accumulate(np.where(match, place, -np.inf))
    coming = np.minimum.accumulate(np.where(match, place, np.inf)[::-1])[::-1]
    return place - last, coming - place
