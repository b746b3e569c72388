"""Windows: pieces of series as a network reads them, standardised, with what comes after them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...data.lazy_sequence import BLOCK, LazySequence
from ...data.row_file import PIECE, RowFile
from ...data.series import Columns, Rows, Series, Values, filled
from ...errors import CorpusError
from ...wording import count_of
from .rows import Array, StandardisedRows, moments, moments_of

# Of the steps that a window of training forecasts, so many have a value at the least, as a share.
_PRESENT = 0.5


@dataclass(frozen=True, eq=False)
class Window:
    """One window. values: [look-back, targets], without gaps. covariates: [look-back, past and known].

    ahead: [steps ahead, known]. static: numbers and categories, by number. targets: [steps ahead, targets], NaN where
    there is none; None after the last value. steps: of the whole series.
    """

    values: Array
    covariates: Array
    ahead: Array
    numbers: Array
    categories: NDArray[np.int64]
    targets: Array | None
    steps: int

    @property
    def length(self) -> int:
        """Steps that are read."""
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A series standardised, without gaps but in `targets`. means, deviations: of the targets, in their own units."""

    series: Series
    means: Values
    deviations: Values
    targets: Array | StandardisedRows
    values: Array | StandardisedRows
    covariates: Array | StandardisedRows
    known: Array | StandardisedRows
    numbers: Array
    categories: NDArray[np.int64]

    def window(self, end: int, look_back: int, ahead: int, *, targets: bool) -> Window:
        """The window of which `end` is the first step that is forecast."""
        first, future_covariates = end - look_back, self.known[end : end + ahead]
        return Window(
            self.values[first:end], self.covariates[first:end],
            future_covariates if future_covariates.shape[1] else np.zeros((ahead, 0), dtype=np.float32),
            self.numbers, self.categories, self.targets[end : end + ahead] if targets else None,
            len(self.targets),
        )  # fmt: skip

    def last_window(self, look_back: int, ahead: int) -> Window:
        """The window after the last value; where what it reads is too short, its first and last values again."""
        steps = len(self.targets)
        first, before = max(0, steps - look_back), max(0, look_back - steps)
        future_covariates = self.known[first : steps + ahead]
        tail = replace(
            self, values=_edged(self.values[first:], before, 0), covariates=_edged(self.covariates[first:], before, 0),
            known=_edged(future_covariates, before, ahead + steps - first - len(future_covariates)),
        )  # fmt: skip
        return replace(tail.window(look_back, look_back, ahead, targets=False), steps=steps)

    def restored(self, values: Values) -> Values:
        """Targets in the data's own units."""
        return values * self.deviations + self.means


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """How the columns of series are made numbers of one size: means and standard deviations, and categories by number.

    columns: the names. means, deviations: of targets, past, known and static numbers, in this order. categories: of
    each static column its texts by their numbers, from 1; None for one of numbers. alone: whether the targets of each
    series are standardised by their own mean and deviation: of several series, which may differ in size.
    """

    columns: Columns
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    categories: tuple[tuple[str, ...] | None, ...]
    alone: bool

    @classmethod
    def of(cls, items: Sequence[Series]) -> "Statistics":
        """Those of some series. Raises CorpusError for series with different columns."""
        columns = items[0].columns
        for item in items:
            if item.columns != columns:
                raise CorpusError(
                    f"{item.name} has the columns {item.columns}, others {columns}; a model has one set of them"
                )
        sizes = [
            pair for part in (_targets, _past, _known) for pair in moments_of([part(item) for item in items])
        ]
        categories: list[tuple[str, ...] | None] = []
        for place in range(len(columns.static)):
            cells = [item.static[place] for item in items]
            texts = any(isinstance(cell, str) for cell in cells)
            categories.append(tuple(sorted(set(map(_text, cells)))) if texts else None)
            sizes += [] if texts else [moments(np.array(cells, dtype=np.float64))]
        means, deviations = zip(*sizes, strict=True)
        return cls(
            columns=columns, means=means, deviations=deviations, categories=tuple(categories),
            alone=len(items) > 1,
        )  # fmt: skip

    @cached_property
    def numbers_of(self) -> Mapping[str, slice]:
        """Where the means of each part of the columns stand."""
        sizes = [len(self.columns.targets), len(self.columns.past), len(self.columns.known)]
        starts = np.cumsum([0, *sizes]).tolist()
        ends = [*starts[1:], len(self.means)]
        return dict(zip(("targets", "past", "known", "static"), map(slice, starts, ends), strict=True))

    def standardised(self, values: Values, part: str) -> Values:
        """The columns of a part, less their means, over their deviations."""
        place = self.numbers_of[part]
        return (values - np.array(self.means[place])) / np.array(self.deviations[place])

    def moments_read(self, part: Prepared, target: int) -> tuple[Values, Values]:
        """Means and deviations of what is read of one target: its value, then past and known covariates."""
        past, future = self.numbers_of["past"], self.numbers_of["known"]
        covariates = [np.array([*values[past], *values[future]]) for values in (self.means, self.deviations)]
        own = (part.means[target : target + 1], part.deviations[target : target + 1])
        means, deviations = (np.concatenate(pair) for pair in zip(own, covariates, strict=True))
        return means, deviations

    def unseen(self, items: Sequence[Series]) -> list[str]:
        """A sentence on each static column in which some series have a text that none of the training's had."""
        sentences = []
        for place, (column, texts) in enumerate(zip(self.columns.static, self.categories, strict=True)):
            cells = [_text(item.static[place]) for item in items]
            new_texts = [cell for cell in cells if texts is not None and cell not in texts]
            if new_texts:
                sentences.append(
                    f"{column} is {new_texts[0]!r}{' or another text' if len(set(new_texts)) > 1 else ''} in "
                    f"{len(new_texts):,} of {count_of(len(items), 'series')}, and in none that the model was "
                    "trained on: it is read as unknown."
                )
        return sentences

    def _static_numbers(self, series: Series) -> Values:
        numbers = []
        for column, cell, texts in zip(self.columns.static, series.static, self.categories, strict=True):
            if texts is None and (isinstance(cell, str) or not np.isfinite(cell)):
                raise CorpusError(
                    f"{series.name}: {column!r} is {str(cell)!r}, and the model was trained on numbers there; write one"
                )
            numbers += [float(cell)] if texts is None else []
        return np.array(numbers, dtype=np.float64)

    def prepared(self, series: Series) -> Prepared:
        """A series standardised. Raises CorpusError for other columns than those of the training."""
        if _roles(series.columns) != _roles(self.columns):
            raise CorpusError(
                f"{series.name} has the targets {', '.join(series.columns.targets)} and other columns than the "
                f"model, which was trained on {', '.join(self.columns.targets)}"
            )
        place = self.numbers_of["targets"]
        means, deviations = np.array(self.means[place]), np.array(self.deviations[place])
        if self.alone:
            means, deviations = np.array(moments_of([series.targets])).T
        cells = list(zip(series.static, self.categories, strict=True))
        numbers = self._static_numbers(series)
        targets, values, covariates, future_covariates = self._rows(series, means, deviations)
        return Prepared(
            series=series, means=means, deviations=deviations, targets=targets, values=values, covariates=covariates,
            known=future_covariates,
            numbers=self.standardised(numbers, "static").astype(np.float32),
            categories=np.array(
                [_number(_text(cell), texts) for cell, texts in cells if texts is not None], dtype=np.int64
            ),
        )  # fmt: skip

    def _rows(
        self, series: Series, means: Values, deviations: Values
    ) -> tuple[Array | StandardisedRows, ...]:
        """Targets, the same without gaps, covariates and those known ahead, standardised."""
        if isinstance(series.targets, RowFile):
            past, future = self._moments_of("past"), self._moments_of("known")
            own = StandardisedRows(((series.targets, means, deviations),), fills=False)
            ahead = StandardisedRows(((series.known, *future),))
            before = StandardisedRows(((series.past, *past), (series.known[: len(series.past)], *future)))
            return own, replace(own, fills=True), before, ahead
        targets = ((np.asarray(series.targets) - means) / deviations).astype(np.float32)
        covariates = self.standardised(np.asarray(series.past), "past")
        ahead_of_all = filled(self.standardised(np.asarray(series.known), "known")).astype(np.float32)
        together = np.concatenate([filled(covariates), ahead_of_all[: len(covariates)]], 1)
        return targets, filled(targets).astype(np.float32), together.astype(np.float32), ahead_of_all

    def _moments_of(self, part: str) -> tuple[Values, Values]:
        place = self.numbers_of[part]
        return np.array(self.means[place]), np.array(self.deviations[place])


class Windows(LazySequence[Window]):
    """Every window of some series, but those of which most of the steps ahead have no value.

    They are held as numbers, from which step to which they may begin to forecast, and made when they are asked for.
    lengths: of each. block: of series that stay in their files, so many neighbours are read one after the other.
    """

    def __init__(self, prepared: Sequence[Prepared], look_back: int, ahead: int) -> None:
        self.prepared, self.lengths, self.ahead = prepared, look_back, ahead
        runs = [
            (k, first, end) for k, part in enumerate(prepared) for first, end in _runs(part, look_back, ahead)
        ]
        self._runs = np.array(runs, dtype=np.int64).reshape(-1, 3)
        self._ends = np.cumsum(self._runs[:, 2] - self._runs[:, 1])
        in_files = any(isinstance(part.targets, StandardisedRows) for part in prepared)
        self.block = BLOCK if in_files else None

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def at(self, place: int) -> Window:
        """The window at a place, made now."""
        run = int(np.searchsorted(self._ends, place, side="right"))
        series, _, end = self._runs[run].tolist()
        step = end - (int(self._ends[run]) - place)
        return self.prepared[series].window(step, self.lengths, self.ahead, targets=True)

    @cached_property
    def sha256(self) -> str:
        """Of the series, and of which windows they give."""
        total = hashlib.sha256(repr((self.lengths, self.ahead, self._runs.tobytes())).encode())
        for part in self.prepared:
            series = part.series
            for rows in (series.targets, series.past, series.known):
                content = rows.sha256 if isinstance(rows, RowFile) else rows.tobytes()
                total.update(repr((rows.shape, content)).encode())
            total.update(part.numbers.tobytes() + part.categories.tobytes())
        return total.hexdigest()


def _runs(part: Prepared, look_back: int, ahead: int) -> Iterator[list[int]]:
    """From which step to before which a window may begin to forecast."""
    last = len(part.targets) - ahead + 1
    for begin in range(look_back, last, PIECE):
        stop = min(begin + PIECE, last)
        present = np.isfinite(part.targets[begin : stop - 1 + ahead])
        counts = np.concatenate([[0], present.sum(1).cumsum()])
        enough = counts[ahead:] - counts[:-ahead] >= _PRESENT * ahead * present.shape[1]
        edges = np.flatnonzero(np.diff(enough, prepend=False, append=False)) + begin
        yield from edges.reshape(-1, 2).tolist()


def _targets(series: Series) -> Rows:
    return series.targets


def _past(series: Series) -> Rows:
    return series.past


def _known(series: Series) -> Rows:
    return series.known


def _edged(values: Array, before: int, after: int) -> Array:
    """The rows, the first of them so often before it, the last so often after it."""
    return np.pad(values, ((before, after), (0, 0)), mode="edge") if before or after else values


def _roles(columns: Columns) -> tuple[tuple[str, ...], ...]:
    return columns.targets, columns.past, columns.known, columns.static


def _text(cell: str | float) -> str:
    """A static cell as text, which is a number where all texts of its file are."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _number(text: str, texts: Sequence[str]) -> int:
    return texts.index(text) + 1 if text in texts else 0
