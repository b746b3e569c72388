"""Series: values at regular times, with covariates; gaps are NaN."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CorpusError
from .frequency import Frequency, Times
from .row_file import RowFile

F = TypeVar("F", bound=np.floating[Any])
Values = NDArray[np.float64]
# Values in memory, or in a file that memory need not hold.
Rows = Values | RowFile


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns of series, by what they are. time, series: None where there is no such column.

    targets: what is forecast. past: covariates that are known up to now. known: those that are known ahead. static:
    what a series has once. series: several, joined, if one is not enough to tell series apart.
    """

    targets: tuple[str, ...]
    past: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    time: str | None = None
    series: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One series at regular times. Missing values are NaN.

    targets: [steps, targets], up to the last step at which one is known. past: [steps, past covariates].
    known:   [steps and later ones, known covariates]. static: one text or number for each static column.
    start:   the time of the first step; None where steps are only numbered.
    first:   the first step that is forecast where the series is measured; those before it are only read.
    focus:   of what the lens looks into: the number of the target, and how many steps ahead.
    """

    columns: Columns
    targets: Rows
    past: Rows
    known: Rows
    static: tuple[str | float, ...] = ()
    id: str = ""
    start: np.datetime64 | None = None
    frequency: Frequency = field(default_factory=lambda: Frequency("step"))
    first: int = 0
    focus: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def name(self) -> str:
        """The series as a message calls it."""
        return f"series {self.id!r}" if self.id else "the series"

    @property
    def text(self) -> str:
        """What stands for the series where texts have their text: its name and size."""
        return f"{self.name}, {len(self):,} steps"

    @property
    def summary(self) -> str:
        """The same, for a list of series."""
        return self.text

    @property
    def question(self) -> str:
        """Empty: nothing is asked about a series."""
        return ""

    def time(self, step: int) -> str:
        """The time of a step, counted from 0, as text; its number where there are no times."""
        return self.times(np.array([step]))[0]

    def times(self, steps: NDArray[np.int64]) -> list[str]:
        """The times of some steps as text, without seconds or hours where all lack them."""
        if self.start is None:
            return [str(step) for step in steps.tolist()]
        every = self.frequency.later(self.start, steps)
        whole_days = self.frequency.unit != "second" or self.frequency.count % 86_400 == 0
        midnight = self.start == self.start.astype("datetime64[D]")
        if whole_days and midnight:
            return [str(time) for time in every.astype("datetime64[D]")]
        minutes = self.start == self.start.astype("datetime64[m]") and self.frequency.count % 60 == 0
        return [str(time).replace("T", " ") for time in (every.astype("datetime64[m]") if minutes else every)]

    def up_to(self, steps: int, known: int | None = None) -> Self:
        """The first so many steps. known: of covariates that are known ahead; None is as many."""
        ahead = steps if known is None else known
        return replace(self, targets=self.targets[:steps], past=self.past[:steps], known=self.known[:ahead])


def make_series(
    targets: ArrayLike,
    *,
    names: Sequence[str] = (),
    start: str | None = None,
    frequency: Frequency | None = None,
    past: ArrayLike | None = None,
    known: ArrayLike | None = None,
    static: Sequence[str | float] = (),
    id: str = "",
) -> Series:
    """A series from arrays: [steps] or [steps, targets], in order, one step apart; NaN where a value is missing.

    names: of the targets. start, frequency: of its times, such as "2024-01-01" and Frequency("second", 3600).
    past, known: covariates, [steps, …]; known ones may go on after the targets. static: of the series, once.
    Raises CorpusError for shapes that do not fit, infinite values, and a series without values.
    """
    values, before, ahead = _matrix(targets, "targets"), _matrix(past, "past"), _matrix(known, "known")
    steps, width = values.shape
    target_names = tuple(names) or (("value",) if width == 1 else tuple(f"value {k}" for k in range(width)))
    if len(target_names) != width:
        raise CorpusError(f"there are {len(target_names)} names for {width} targets; give one for each")
    if not steps or not np.isfinite(values).any():
        raise CorpusError(f"{f'series {id!r}' if id else 'the series'} has no value; give one with some")
    for name, part in (("past", before), ("known", ahead)):
        if part.shape[1] and (len(part) < steps or (name == "past" and len(part) > steps)):
            raise CorpusError(
                f"{name} covariates have {len(part)} steps, and the targets {steps}; give as many"
            )
    if (start is None) != (frequency is None):
        raise CorpusError("start and frequency belong together; give both, or none for numbered steps")
    return Series(
        columns=Columns(
            targets=target_names,
            past=tuple(f"past {k}" for k in range(before.shape[1])),
            known=tuple(f"known {k}" for k in range(ahead.shape[1])),
            static=tuple(f"static {k}" for k in range(len(static))),
        ),
        targets=values,
        past=before if before.shape[1] else np.zeros((steps, 0)),
        known=ahead if ahead.shape[1] else np.zeros((steps, 0)),
        static=tuple(static), id=id,
        start=None if start is None else np.datetime64(start, "s"),
        frequency=frequency or Frequency("step"),
    )  # fmt: skip


def _matrix(values: ArrayLike | None, name: str) -> Values:
    array = np.zeros((0, 0)) if values is None else np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2:
        raise CorpusError(f"{name} have shape {list(array.shape)}; give [steps] or [steps, columns]")
    if np.isinf(array).any():
        step, column = (int(place[0]) for place in np.nonzero(np.isinf(array)))
        raise CorpusError(
            f"{name}, step {step}, column {column}: the value is infinite; NaN says that one is missing"
        )
    return array


def filled(values: NDArray[F]) -> NDArray[F]:
    """Each missing value as the last one before it that is known, or else the first one after it; 0 if none is."""
    present = np.isfinite(values)
    last = np.maximum.accumulate(np.where(present, np.arange(len(values))[:, None], -1), axis=0)
    first = present.argmax(0) if len(values) else np.zeros(values.shape[1], dtype=np.int64)
    place = np.where(last < 0, first, last)
    result: NDArray[F] = np.nan_to_num(np.take_along_axis(values, place, axis=0), nan=0.0)
    return result


__all__ = ["Columns", "Frequency", "Rows", "Series", "Times", "Values", "filled", "make_series"]
