"""TokenCounts: how often tokens, and pairs of neighbours, occur in texts."""

from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from .bigrams import END, JOIN

# Tokens that are counted at once.
_PIECE = 1 << 21
# The number of the end of a text; tokens have those from 1 on.
_END = 0
_SHIFT = 32


class _Numbers(dict[str, int]):
    """The number of each token, given when it is first asked for."""

    def __missing__(self, token: str) -> int:
        self[token] = number = len(self) + 1
        return number


class TokenCounts:
    """Counts of the tokens of some texts, and of their pairs.

    pairs: whether pairs are counted. most: so many different tokens, and pairs, are counted before the rarest are
    forgotten; None forgets none.
    """

    def __init__(self, *, pairs: bool, most: int | None) -> None:
        self._pairs, self.most = pairs, most
        self._numbers = _Numbers()
        self._uncounted = array("q")
        # How often each number occurs; and each pair, as one number of both, in ascending order.
        self._counts = np.zeros(1, np.int64)
        self._keys = self._pair_counts = np.zeros(0, np.int64)

    def add(self, text: Sequence[str]) -> None:
        """Counts the tokens of one more text."""
        self._uncounted.extend(map(self._numbers.__getitem__, text))
        self._uncounted.append(_END)
        if len(self._uncounted) >= _PIECE:
            self._count()

    def tokens(self) -> Counter[str]:
        """How often each token occurs."""
        self._count()
        return Counter(dict(zip(self._numbers, self._counts[1:].tolist(), strict=True)))

    def pairs(self, at_least: int) -> Counter[str]:
        """How often pairs occur, by their names; only those that occur so often."""
        self._count()
        frequent = self._pair_counts >= at_least
        names, pairs = [END, *self._numbers], Counter[str]()
        columns = (*_both(self._keys[frequent]), self._pair_counts[frequent])
        for first, second, count in zip(*(column.tolist() for column in columns), strict=True):
            pairs[f"{names[first]}{JOIN}{names[second]}"] = count
        return pairs

    def _count(self) -> None:
        if not self._uncounted:
            return
        numbers = np.array(self._uncounted)
        self._uncounted = array("q")
        counts = np.bincount(numbers, minlength=len(self._numbers) + 1)
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        if self._pairs:
            first, second = numbers[:-1], numbers[1:]
            # A token may have the name of the end, and the pair with it is named as that with the end.
            second = np.where(second == self._numbers.get(END), _END, second)
            self._add_pairs(*np.unique((first << _SHIFT | second)[first != _END], return_counts=True))
        if self.most is not None:
            self._forget_rarest(self.most)

    def _add_pairs(self, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        keys, counts = (np.concatenate(both) for both in ((self._keys, keys), (self._pair_counts, counts)))
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys, self._pair_counts = (
            keys[starts],
            np.add.reduceat(counts, starts) if len(starts) else counts,
        )

    def _forget_rarest(self, most: int) -> None:
        """Leaves the commoner half of `most` at most, where there are more, of the pairs too."""
        if len(self._numbers) > most:
            remain = _commoner(self._counts[1:], most)
            tokens = compress(self._numbers, remain.tolist())
            self._numbers = _Numbers((token, number) for number, token in enumerate(tokens, 1))
            remain = np.concatenate([[True], remain])
            self._counts, number = self._counts[remain], np.cumsum(remain) - 1
            first, second = _both(self._keys)
            remain = remain[first] & remain[second]
            self._keys = (number[first] << _SHIFT | number[second])[remain]
            self._pair_counts = self._pair_counts[remain]
        if len(self._keys) > most:
            remain = _commoner(self._pair_counts, most)
            self._keys, self._pair_counts = self._keys[remain], self._pair_counts[remain]


def _both(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of the first and of the second token of pairs."""
    return keys >> _SHIFT, keys & ((1 << _SHIFT) - 1)


def _commoner(counts: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Which have a count above that of so many halved and one: as many as half of them at most."""
    half = len(counts) - most // 2 - 1
    limit: np.int64 = np.partition(counts, half)[half]
    return counts > limit
