"""Windows: pieces of series as a network reads them, standardised, with what comes after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...data.series import Columns, Series, Values, filled
from ...errors import CorpusError
from ...wording import count_of

# A column that does not change is divided by 1.
_CONSTANT = 1e-12
# Of the steps that a window of training forecasts, so many have a value at the least, as a share.
_PRESENT = 0.5

Array = NDArray[np.float32]


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
    targets: Array
    values: Array
    covariates: Array
    known: Array
    numbers: Array
    categories: NDArray[np.int64]

    def window(self, end: int, look_back: int, ahead: int, *, targets: bool) -> Window:
        """The window of which `end` is the first step that is forecast."""
        first, known = end - look_back, self.known[end : end + ahead]
        return Window(
            self.values[first:end], self.covariates[first:end],
            known if known.shape[1] else np.zeros((ahead, 0), dtype=np.float32), self.numbers, self.categories,
            self.targets[end : end + ahead] if targets else None, len(self.targets),
        )  # fmt: skip

    def extended(self, look_back: int, ahead: int) -> "Prepared":
        """The same, as long as a window: the first values before the first, what is known ahead after its last."""
        before = max(0, look_back - len(self.targets))
        after = max(0, len(self.targets) + ahead - len(self.known))
        return replace(
            self, values=_edged(self.values, before, 0), covariates=_edged(self.covariates, before, 0),
            known=_edged(self.known, before, after),
        )  # fmt: skip

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
        dynamic = [np.concatenate([part(item) for item in items]) for part in (_targets, _past, _known)]
        parts = [column for matrix in dynamic for column in matrix.T]
        categories: list[tuple[str, ...] | None] = []
        for place in range(len(columns.static)):
            cells = [item.static[place] for item in items]
            texts = any(isinstance(cell, str) for cell in cells)
            categories.append(tuple(sorted(set(map(_text, cells)))) if texts else None)
            parts += [] if texts else [np.array(cells, dtype=np.float64)]
        means, deviations = zip(*map(_moments, parts), strict=True)
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
        past, known = self.numbers_of["past"], self.numbers_of["known"]
        covariates = [np.array([*values[past], *values[known]]) for values in (self.means, self.deviations)]
        own = (part.means[target : target + 1], part.deviations[target : target + 1])
        means, deviations = (np.concatenate(pair) for pair in zip(own, covariates, strict=True))
        return means, deviations

    def unseen(self, items: Sequence[Series]) -> list[str]:
        """A sentence on each static column in which some series have a text that none of the training's had."""
        sentences = []
        for place, (column, texts) in enumerate(zip(self.columns.static, self.categories, strict=True)):
            cells = [_text(item.static[place]) for item in items]
            others = [cell for cell in cells if texts is not None and cell not in texts]
            if others:
                sentences.append(
                    f"{column} is {others[0]!r}{' or another text' if len(set(others)) > 1 else ''} in "
                    f"{len(others):,} of {count_of(len(items), 'series')}, and in none that the model was trained on: "
                    "it is read as unknown."
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
            means, deviations = np.array([_moments(column) for column in series.targets.T]).T
        targets = ((series.targets - means) / deviations).astype(np.float32)
        past, known = self.standardised(series.past, "past"), self.standardised(series.known, "known")
        ahead = filled(known).astype(np.float32)
        cells = list(zip(series.static, self.categories, strict=True))
        numbers = self._static_numbers(series)
        return Prepared(
            series=series, means=means, deviations=deviations, targets=targets,
            values=filled(targets).astype(np.float32),
            covariates=np.concatenate([filled(past), ahead[: len(past)]], 1).astype(np.float32), known=ahead,
            numbers=self.standardised(numbers, "static").astype(np.float32),
            categories=np.array(
                [_number(_text(cell), texts) for cell, texts in cells if texts is not None], dtype=np.int64
            ),
        )  # fmt: skip


def training_windows(prepared: Sequence[Prepared], look_back: int, ahead: int) -> list[Window]:
    """Every window of the series, but those of which most of the steps ahead have no value."""
    windows: list[Window] = []
    for part in prepared:
        present = np.isfinite(part.targets).mean(1)
        sums = np.concatenate([[0.0], np.cumsum(present)])
        windows += [
            part.window(end, look_back, ahead, targets=True)
            for end in range(look_back, len(part.targets) - ahead + 1)
            if sums[end + ahead] - sums[end] >= _PRESENT * ahead
        ]
    return windows


def _targets(series: Series) -> Values:
    return series.targets


def _past(series: Series) -> Values:
    return series.past


def _known(series: Series) -> Values:
    return series.known


def _edged(values: Array, before: int, after: int) -> Array:
    """The rows, the first of them so often before it, the last so often after it."""
    return np.pad(values, ((before, after), (0, 0)), mode="edge") if before or after else values


def _roles(columns: Columns) -> tuple[tuple[str, ...], ...]:
    return columns.targets, columns.past, columns.known, columns.static


def _moments(values: Values) -> tuple[float, float]:
    """Mean and standard deviation of what is known; 0 and 1 of nothing, and a deviation of 1 where nothing changes."""
    present = values[np.isfinite(values)]
    if not len(present):
        return 0.0, 1.0
    mean, deviation = float(present.mean()), float(present.std())
    return mean, deviation if deviation > _CONSTANT * max(1.0, abs(mean)) else 1.0


def _text(cell: str | float) -> str:
    """A static cell as text, which is a number where all texts of its file are."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _number(text: str, texts: Sequence[str]) -> int:
    return texts.index(text) + 1 if text in texts else 0
