"""Frequency: the distance between two steps of a series, found from its times; times as numbers of steps, and back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import CorpusError

Times = NDArray[np.datetime64]
Unit = Literal["second", "business day", "month", "step"]

_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}
DAY = _SECONDS["day"]
# The longest season that is looked for among seconds and minutes, in steps.
_MOST_SEASON = 288
# What a month, a quarter and a year last, in days.
_MONTHS = {1: (28, 31), 3: (89, 92), 12: (365, 366)}


@dataclass(frozen=True)
class Frequency:
    """So many of a unit from one step to the next. "step": the series has no times, only an order."""

    unit: Unit
    count: int = 1

    def __str__(self) -> str:
        if self.unit == "second":
            name = next(name for name, size in _SECONDS.items() if self.count % size == 0)
            return _several(self.count // _SECONDS[name], name)
        if self.unit == "month" and self.count % 12 == 0:
            return _several(self.count // 12, "year")
        return _several(self.count, self.unit)

    @property
    def season(self) -> int:
        """Steps after which such series usually repeat: a day of hours, a week of days, a year of months; else 1."""
        if self.unit == "business day":
            return 5
        if self.unit == "month":
            return 12 // self.count if 12 % self.count == 0 else 1
        if self.unit == "step":
            return 1
        if self.count == _SECONDS["week"]:
            return 52
        if self.count == DAY:
            return 7
        sizes = [_SECONDS[name] for name in ("day", "hour", "minute")]
        periods = (size // self.count for size in sizes if size % self.count == 0)
        return next((period for period in periods if 1 < period <= _MOST_SEASON), 1)

    def steps(self, times: Times, start: np.datetime64) -> Any:
        """How many steps each time lies after the start; a fraction for one that is on no step of this frequency."""
        if self.unit == "month":
            months = times.astype("datetime64[M]") - start.astype("datetime64[M]")
            return months.astype(np.int64) / self.count
        if self.unit == "business day":
            days = times.astype("datetime64[D]")
            return np.busday_count(start.astype("datetime64[D]"), days).astype(np.float64)
        return (times - start).astype("timedelta64[s]").astype(np.int64) / self.count

    def later(self, time: np.datetime64, steps: NDArray[np.int64]) -> Any:
        """The times so many steps after a time; of a month's last day, the last days of the months."""
        day = time.astype("datetime64[D]")
        if self.unit == "month":
            months = time.astype("datetime64[M]") + steps * self.count
            first, length = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
            last = length - np.timedelta64(1, "D")
            same_day = first + (day - time.astype("datetime64[M]").astype("datetime64[D]"))
            days = last if is_month_end(day) else np.minimum(same_day, last)
            return days.astype("datetime64[s]") + (time - day)
        if self.unit == "business day":
            return np.busday_offset(day, steps, roll="forward").astype("datetime64[s]") + (time - day)
        return time + steps * np.timedelta64(self.count, "s")


def _several(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'s' if count != 1 else ''}"


def is_month_end(days: Times | np.datetime64) -> bool:
    """Whether each day is the last of its month, and none so early that it could be meant as the day itself."""
    array = np.atleast_1d(days).astype("datetime64[D]")
    return bool(
        ((array + np.timedelta64(1, "D")).astype("datetime64[M]") > array.astype("datetime64[M]")).all()
    )


def frequency_of(series: Sequence[Times], path: str) -> Frequency:
    """The frequency of series of ascending times without repetitions.

    Raises CorpusError for fewer than two times in each, and where the commonest distance is that of fewer than half.
    """
    differences = np.concatenate(
        [np.diff(times).astype("timedelta64[s]").astype(np.int64) for times in series]
    )
    if not len(differences):
        raise CorpusError(f"{path}: no series has two times; a frequency cannot be found, give longer series")
    (common, often), *_ = Counter(differences.tolist()).most_common(1)
    every = np.concatenate(series)
    days = every.astype("datetime64[D]")
    of_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    for months, (least, most) in _MONTHS.items():
        if least * DAY <= common <= most * DAY and (len(set(of_month.tolist())) == 1 or is_month_end(days)):
            return Frequency("month", months)
    weekdays = (days.astype(np.int64) + 3) % 7
    if common == DAY and (weekdays < 5).all() and (differences == 3 * DAY).sum() * 8 >= often:
        return Frequency("business day")
    if often * 2 < len(differences):
        raise CorpusError(
            f"{path}: the times are irregular: the commonest distance, {Frequency('second', common)}, is that of "
            f"{often:,} of {len(differences):,} neighbours; bring the series to a regular grid first (one value an "
            "hour or a day, for example)"
        )
    return Frequency("second", common)
