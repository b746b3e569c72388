"""Rows of different lengths → padded tensors with their lengths, and batches of rows of similar length."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from ..errors import SettingsError
from .vocabulary import PAD

# Rows are sorted by length within groups of this many batches: near enough in length that little is padded,
# while the company a row keeps still changes from epoch to epoch.
GROUP = 50
# Blocks whose examples are mixed: so many places of a file meet in a batch.
POOL = 64


def pad(rows: Sequence[Sequence[int]]) -> tuple[Int64[Tensor, "time batch"], Int64[Tensor, " batch"]]:
    """The rows as the columns of one tensor, 0 below each one's end, and their lengths in tokens."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    ids = np.full((lengths.max(initial=0), len(rows)), PAD, dtype=np.int64)
    for column, row in enumerate(rows):
        ids[: len(row), column] = row
    return torch.from_numpy(ids), torch.from_numpy(lengths)


def by_length(lengths: Sequence[int], batch_size: int, tokens_at_once: int) -> Iterator[list[int]]:
    """Every index once, shortest rows first, in batches of at most `batch_size` rows and so many tokens, padding too.

    A row that is longer than `tokens_at_once` is a batch by itself.
    """
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if rows and (len(rows) == batch_size or lengths[row] * (len(rows) + 1) > tokens_at_once):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


class BlockOrder:
    """A random order of examples in a file: of its blocks, and of the examples in some of the blocks at a time.

    Only the places of the latter are held. The same seed and epoch give the same order.
    """

    def __init__(self, count: int, block: int, seed: int, epoch: int) -> None:
        self.count, self.block, self.seeds = count, block, [seed, epoch]
        self._blocks = np.random.default_rng(self.seeds).permutation(-(-count // block))
        # The last block of the file may be smaller, and so is the pool that it comes into.
        sizes = np.minimum(block, count - self._blocks * block)
        self._ends = np.add.reduceat(sizes, np.arange(0, len(sizes), POOL)).cumsum()
        self._pool: tuple[int, NDArray[np.int64]] | None = None

    def __getitem__(self, places: slice) -> list[int]:
        """The examples at these places of the order."""
        start, stop, _ = places.indices(self.count)
        order: list[int] = []
        while start < stop:
            pool = int(np.searchsorted(self._ends, start, side="right"))
            members, first = self._members(pool), int(self._ends[pool - 1]) if pool else 0
            order += members[start - first : stop - first].tolist()
            start = first + len(members)
        return order

    def _members(self, pool: int) -> NDArray[np.int64]:
        if self._pool is None or self._pool[0] != pool:
            firsts = self.block * self._blocks[pool * POOL : (pool + 1) * POOL]
            members = (firsts[:, None] + np.arange(self.block)).ravel()
            members = members[members < self.count]
            self._pool = pool, np.random.default_rng([*self.seeds, 1 + pool]).permutation(members)
        return self._pool[1]


def blocks_of(
    count: int, lengths: int | NDArray[np.int32], block: int, batch_size: int, seed: int, epoch: int
) -> Callable[[int], list[int]]:
    """The batches of examples in a file, by their numbers: shuffled by blocks, and rows of similar length together.

    lengths: one for all, or that of each. What fits into one pool is batched as in memory (`bucketed`).
    """
    order = BlockOrder(count, block, seed, epoch)
    if isinstance(lengths, int):
        return lambda place: order[place * batch_size : (place + 1) * batch_size]
    if count <= block * POOL:
        return bucketed(lengths.tolist(), batch_size, seed, epoch).__getitem__
    size = batch_size * GROUP

    @lru_cache(maxsize=1)
    def group(number: int) -> list[list[int]]:
        rows = np.array(order[number * size : (number + 1) * size])
        batches = _by_length(rows, lengths[rows], batch_size)
        rng = np.random.default_rng([*order.seeds, number])
        return [batches[k] for k in rng.permutation(len(batches))]

    return lambda place: group(place // GROUP)[place % GROUP]


def _by_length(rows: NDArray[np.int64], lengths: NDArray[Any], batch_size: int) -> list[list[int]]:
    """The rows in batches, longest first."""
    rows = rows[np.argsort(-lengths, kind="stable")]
    return [rows[at : at + batch_size].tolist() for at in range(0, len(rows), batch_size)]


def bucketed(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Every index once, in batches of rows of similar length, the batches in random order.

    The same seed and epoch give the same batches; another epoch gives others. The last batch in length may
    be smaller.
    Raises SettingsError if batch_size is below 1.
    """
    if batch_size < 1:
        raise SettingsError(f"batch_size is {batch_size}; it must be 1 or more")
    rng = np.random.default_rng([seed, epoch])
    size = np.asarray(lengths, dtype=np.int64)
    order = rng.permutation(len(size))
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * GROUP):
        group = order[start : start + batch_size * GROUP]
        batches += _by_length(group, size[group], batch_size)
    return [batches[k] for k in rng.permutation(len(batches))]
