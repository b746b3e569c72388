"""CorpusStatistics: word counts, IDF, PMI and branching entropy of the training texts."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...data.text import words
from ...data.vocabulary import Vocabulary
from ...errors import CorpusError

# A word or pair seen less often has a count too small to say anything; measured on CMRC2018's training part.
AT_LEAST = 3
# Two ids in one number: the first times this, plus the second.
_BASE = 1 << 31
_UNKNOWN_PAIR = (-0.3, -0.25, -0.25)


@dataclass(frozen=True, eq=False)
class CorpusStatistics:
    """Counts over texts (each text once) and questions, as plain numbers that go into a model's files.

    pairs:    keys of two neighbouring words, sorted; a pair's number is its place here plus 1, and 0 is any other pair.
    cohesion: of each pair, its pointwise mutual information in nats, divided by 8.
    left, right: of each pair, the entropy in nats of the word before and after it, divided by 4. It is high where a
        phrase begins or ends: branching entropy, Jin & Tanaka-Ishii (2006), ACL.
    letters:  of the words; None of a reader of whole words alone.
    """

    vocabulary: Vocabulary
    rarity: NDArray[np.float32]
    frequency: NDArray[np.float32]
    pairs: NDArray[np.int64]
    cohesion: NDArray[np.float32]
    left: NDArray[np.float32]
    right: NDArray[np.float32]
    letters: Vocabulary | None = None

    @classmethod
    def count(
        cls, texts: Sequence[str], questions: Iterable[str], *, most_pairs: int, with_letters: bool = False
    ) -> Self:
        """The counts of these texts. `questions` add words and letters to the vocabularies and nothing else.

        Raises CorpusError if no word occurs often enough.
        """
        questions = list(questions)
        text_words = [words(text) for text in texts]
        question_words = [words(question) for question in questions]
        total = Counter(word for line in (*text_words, *question_words) for word in line)
        frequent = sorted(
            (word for word in total if total[word] >= AT_LEAST), key=lambda word: (-total[word], word)
        )
        if not frequent:
            raise CorpusError(
                f"no word occurs {AT_LEAST} times in {len(texts)} texts; a span reader needs more text"
            )
        vocabulary = Vocabulary(frequent)
        spread = Counter(word for line in text_words for word in set(line))
        rarity = [1.0, 1.0] + [_rarity(spread[word], len(text_words)) for word in frequent]
        frequency = [0.0, 0.0] + [math.log(total[word]) / 12 for word in frequent]
        ids = [np.array(vocabulary.ids(line), dtype=np.int64) for line in text_words]
        pairs, cohesion, left, right = _pairs(ids, len(vocabulary), most_pairs)
        letters = None
        if with_letters:
            spelt = Counter(
                letter for text in (*texts, *questions) for letter in text if not letter.isspace()
            )
            letters = Vocabulary.most_frequent(spelt, AT_LEAST)
        return cls(
            vocabulary, _rounded(rarity), _rounded(frequency), pairs, cohesion, left, right, letters=letters
        )

    def ids(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """The numbers of these words, which are in lower case already."""
        return np.array(self.vocabulary.ids(tokens), dtype=np.int64)

    def pair_ids(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each word, the number of the pair that it makes with the next; 0 if that is not one of the pairs."""
        keys = _keys(ids)
        place = np.searchsorted(self.pairs, keys)
        in_table = place < len(self.pairs)
        in_table[in_table] = self.pairs[place[in_table]] == keys[in_table]
        return np.concatenate([np.where(in_table, place + 1, 0), np.zeros(min(1, len(ids)), np.int64)])

    def boundaries(self, pair_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """[words, 4]: PMI with the word before and after; entropy of what may follow there, and of what may precede."""
        cohesion, left_entropy, right_entropy = (
            np.append(np.float32(unknown), values)[pair_ids]
            for unknown, values in zip(_UNKNOWN_PAIR, (self.cohesion, self.left, self.right), strict=True)
        )
        count = len(pair_ids)
        before = np.append(np.float32(_UNKNOWN_PAIR[0]), cohesion)[:count]
        ends = np.append(np.float32(_UNKNOWN_PAIR[2]), right_entropy)[:count]
        return np.stack([before, cohesion, ends, left_entropy], 1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """The same as lists."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        letters = {} if self.letters is None else {"letters": self.letters.to_json()}
        return {"words": self.vocabulary.to_json(), **arrays, **letters}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The counts that gave this by `to_json`. Raises CorpusError if they do not fit together."""
        vocabulary = Vocabulary.from_json(plain["words"])
        arrays = {name: _array(name, plain[name], dtype) for name, dtype in _ARRAYS.items()}
        sizes = {name: len(array) for name, array in arrays.items()}
        expected = {
            name: len(vocabulary) if name in ("rarity", "frequency") else sizes["pairs"] for name in sizes
        }
        if sizes != expected or (np.diff(arrays["pairs"]) <= 0).any():
            raise CorpusError(
                f"the counts of a span reader have sizes {sizes}, expected {expected}, pairs in order"
            )
        letters = Vocabulary.from_json(plain["letters"]) if "letters" in plain else None
        return cls(vocabulary=vocabulary, letters=letters, **arrays)


_ARRAYS: dict[str, type] = {
    "rarity": np.float32,
    "frequency": np.float32,
    "pairs": np.int64,
    "cohesion": np.float32,
    "left": np.float32,
    "right": np.float32,
}


def _array(name: str, values: Any, dtype: type) -> NDArray[Any]:
    """The values as an array. Raises CorpusError unless they are a list of finite numbers of this kind."""
    array: NDArray[Any] = np.array(values)
    converted: NDArray[Any] | None
    numbers = "iu" if dtype is np.int64 else "iuf"
    with np.errstate(over="ignore"):
        converted = array.astype(dtype) if array.dtype.kind in numbers or not array.size else None
    if converted is None or array.ndim != 1 or not np.isfinite(converted).all():
        raise CorpusError(f"{name} of a span reader's counts is not one list of finite numbers")
    return converted


def _rarity(texts_with_it: int, texts: int) -> float:
    """Inverse document frequency, from 0 (in every text) to 1 (in none)."""
    return math.log((texts + 1) / (texts_with_it + 1)) / math.log(texts + 1)


def _rounded(values: Iterable[float]) -> NDArray[np.float32]:
    """Three decimals are more than a count can bear, and they keep the file small."""
    return np.round(np.fromiter(values, dtype=np.float64), 3).astype(np.float32)


def _keys(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    return ids[:-1] * _BASE + ids[1:]


def _pairs(texts: list[NDArray[np.int64]], size: int, most: int) -> tuple[NDArray[Any], ...]:
    """(pairs, cohesion, left, right) of the `most` commonest pairs, sorted by key."""
    keys, previous, following = (
        np.concatenate([part(ids) for ids in texts] or [np.zeros(0, np.int64)])
        for part in (
            _keys,
            lambda ids: np.append(np.zeros(min(1, max(len(ids) - 1, 0)), np.int64), ids[:-2]),
            lambda ids: np.append(ids[2:], np.zeros(min(1, max(len(ids) - 1, 0)), np.int64)),
        )
    )
    unique, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    common = np.argsort(-counts, kind="stable")[:most]
    common = np.sort(common[counts[common] >= AT_LEAST])
    single = np.bincount(np.concatenate([*texts, np.zeros(0, np.int64)]).astype(np.int64), minlength=size)
    first, second = np.divmod(unique[common], _BASE)
    together = counts[common] * single.sum() / (single[first] * single[second])
    number = np.full(len(unique), -1)
    number[common] = np.arange(len(common))
    left, right = (_entropy(number[place], neighbour, len(common)) for neighbour in (previous, following))
    return unique[common], _rounded(np.log(together) / 8), _rounded(left / 4), _rounded(right / 4)


def _entropy(groups: NDArray[np.int64], values: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """In nats, of the values that occur in each group; members of group -1 are left out."""
    inside = groups >= 0
    both, counts = np.unique(groups[inside] * _BASE + values[inside], return_counts=True)
    group = both // _BASE
    share = counts / np.bincount(group, weights=counts, minlength=size)[group]
    return np.bincount(group, weights=-share * np.log(share), minlength=size).astype(np.float64)
