"""Rows of series as numbers of one size: in memory, or in a file of which a slice is read when it is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.row_file import RowFile
from ...data.series import Rows, Values, filled

# A column that does not change is divided by 1.
_CONSTANT = 1e-12
# Rows of a file that are read at once to find the last value before a gap.
_EARLIER = 1024

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StandardisedRows:
    """Rows that stay in their files, side by side, of which a slice is read and standardised when it is asked for.

    parts: each with its means and deviations. fills: whether gaps are filled, as `filled` does.
    """

    parts: tuple[tuple[Rows, Values, Values], ...]
    fills: bool = True

    def __len__(self) -> int:
        return len(self.parts[0][0])

    def __getitem__(self, part: slice) -> Array:
        return np.concatenate(
            [
                (
                    ((_without_gaps(rows, part) if self.fills else np.asarray(rows[part])) - means)
                    / deviations
                ).astype(np.float32)
                for rows, means, deviations in self.parts
            ],
            1,
        )


def moments_of(parts: Sequence[Rows]) -> list[tuple[float, float]]:
    """Mean and standard deviation of each column, over all parts; see `moments`."""
    if not any(isinstance(part, RowFile) for part in parts):
        return [moments(column) for column in np.concatenate(parts).T]
    width = parts[0].shape[1]
    counts, means, squares = np.zeros((3, width))
    for piece in _pieces(parts):
        counts += np.isfinite(piece).sum(0)
        means += np.nansum(piece, 0)
    means /= np.maximum(counts, 1)
    for piece in _pieces(parts):
        squares += np.nansum((piece - means) ** 2, 0)
    deviations = np.sqrt(squares / np.maximum(counts, 1))
    return [
        _of_a_changing(mean, deviation)
        for mean, deviation in zip(means.tolist(), deviations.tolist(), strict=True)
    ]


def _pieces(parts: Sequence[Rows]) -> Iterator[Values]:
    for part in parts:
        yield from part.pieces() if isinstance(part, RowFile) else [part]


def _without_gaps(rows: Rows, part: slice) -> Values:
    """Some rows, in which a missing value is what `filled` of all rows would give."""
    values = np.asarray(rows[part])
    if not isinstance(rows, RowFile) or np.isfinite(values).all():
        return filled(values)
    start, stop, _ = part.indices(len(rows))
    steps, firsts = rows.first_known
    before, begin = steps <= start, start
    while not np.isfinite(values[: start - begin + 1, before]).any(0).all():
        earlier = max(0, begin - _EARLIER)
        values, begin = np.concatenate([np.asarray(rows[earlier:begin]), values]), earlier
    return filled(np.concatenate([firsts[None], values]))[len(values) + 1 - (stop - start) :]


def moments(values: Values) -> tuple[float, float]:
    """Mean and standard deviation of what is known; 0 and 1 of nothing, and a deviation of 1 where nothing changes."""
    present = values[np.isfinite(values)]
    return _of_a_changing(float(present.mean()), float(present.std())) if len(present) else (0.0, 1.0)


def _of_a_changing(mean: float, deviation: float) -> tuple[float, float]:
    return mean, deviation if deviation > _CONSTANT * max(1.0, abs(mean)) else 1.0
