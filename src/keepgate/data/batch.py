"""Rows of different lengths → padded tensors with their lengths, and batches of rows of similar length."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from ..errors import SettingsError
from .vocabulary import PAD

# Rows are sorted by length within groups of this many batches: near enough in length that little is padded,
# while the company a row keeps still changes from epoch to epoch.
GROUP = 50


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
        group = group[np.argsort(-size[group], kind="stable")]
        batches += [group[at : at + batch_size].tolist() for at in range(0, len(group), batch_size)]
    return [batches[k] for k in rng.permutation(len(batches))]
