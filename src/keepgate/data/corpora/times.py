"""Times in a column of a table: ISO 8601 and the commonest other forms, with or without an offset from UTC."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ...errors import CorpusError
from ..frequency import DAY, Frequency, Times, frequency_of
from .table import Cells

_QUARTER = re.compile(r"(\d{4})[-\s]?Q([1-4])", re.IGNORECASE)
_DAY_OR_MONTH_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})([ T].*)?")
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})([ T].*)?")
_EPOCH = datetime(1970, 1, 1)
_PLAIN = re.compile(r"\d{4}(-\d{2}(-\d{2}([ T]\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?)?)?)?")


@dataclass(frozen=True, kw_only=True, eq=False)
class ParsedTimes:
    """The times of a column: `utc`, and as the clock on the wall showed them; the same where no offset is written."""

    utc: Times
    wall: Times

    @property
    def zoned(self) -> bool:
        """Whether an offset from UTC is written."""
        return self.utc is not self.wall


def parse_times(cells: Cells, places: Sequence[str], column: str, path: str) -> ParsedTimes:
    """The times in the cells of a column.

    Raises CorpusError, naming the row, for one that is no time, for days and months that cannot be told apart, and for
    times of one second, which whole seconds do not keep apart.
    """
    if cells.dtype.kind == "M":
        _refuse_missing(np.isnat(cells), places, column, path)
        times = _whole_seconds(cells, places, column, path)
        return ParsedTimes(utc=times, wall=times)
    texts = [_text(cell) for cell in cells.tolist()]
    _refuse_missing(np.array([not text for text in texts]), places, column, path)
    if all(map(_PLAIN.fullmatch, texts)):
        try:
            times = np.array(texts, dtype="datetime64[us]")
        except ValueError:
            pass  # a month 13, say: the row that has it is named below
        else:
            times = _whole_seconds(times, places, column, path)
            return ParsedTimes(utc=times, wall=times)
    parse_time = _reader(texts, column, path)
    utc, wall = [], []
    for place, text in zip(places, texts, strict=True):
        try:
            time = parse_time(text)
        except (ValueError, OverflowError):
            raise CorpusError(
                f"{path}, {place}: {column!r} is {text[:40]!r}, which is no time; write 2024-01-31 or 2024-01-31 13:00"
            ) from None
        wall.append(time.replace(tzinfo=None))
        utc.append(time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else None)
    clock = _whole_seconds(np.array(wall, dtype="datetime64[us]"), places, column, path)
    with_offset = [time is not None for time in utc]
    if any(with_offset) and not all(with_offset):
        place = places[with_offset.index(False)]
        raise CorpusError(f"{path}, {place}: {column!r} has no offset from UTC, which other rows have")
    return ParsedTimes(utc=np.array(utc, dtype="datetime64[s]") if all(with_offset) else clock, wall=clock)


def grid_of(parsed: ParsedTimes, groups: Sequence[np.ndarray], path: str) -> tuple[Times, Frequency, bool]:
    """The times of the rows, their frequency, and whether they are the wall clock's. Raises as `frequency_of`.

    Days and longer steps are the wall clock's: a day in spring has 23 hours.
    """
    frequency = frequency_of([np.unique(parsed.wall[rows]) for rows in groups], path)
    if parsed.zoned and frequency.unit == "second" and frequency.count < DAY:
        return parsed.utc, frequency_of([np.unique(parsed.utc[rows]) for rows in groups], path), False
    return parsed.wall, frequency, True


def clock_changes(parsed: ParsedTimes, groups: Sequence[np.ndarray], path: str) -> Iterator[str]:
    """What a change of the offset from UTC within a series means for a pattern of the day."""
    offsets = [np.unique((parsed.wall[rows] - parsed.utc[rows]).astype(np.int64)) for rows in groups]
    change = max(int(each[-1] - each[0]) for each in offsets)
    if change:
        yield (
            f"{path}: the clocks of a series change by {Frequency('second', change)} (daylight saving time). Its steps "
            "are those of UTC, so that what keeps to the clock on the wall shifts by as much within a season; leave "
            "the offsets out to keep to the wall, or give the hour that it shows as --known."
        )


def is_time(text: str) -> bool:
    """Whether a cell is written as a time: not a mere number, which may be anything."""
    forms = (_PLAIN, _QUARTER, _DAY_OR_MONTH_FIRST, _YEAR_FIRST)
    if any(form.fullmatch(text) for form in forms):
        return not text.isdecimal()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return not text.isdecimal()


def _text(cell: object) -> str:
    """A cell as text; a whole number without a point."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _refuse_missing(missing: np.ndarray, places: Sequence[str], column: str, path: str) -> None:
    if missing.any():
        raise CorpusError(
            f"{path}, {places[int(missing.argmax())]}: {column!r} is empty; every row has its time"
        )


def _whole_seconds(times: Times, places: Sequence[str], column: str, path: str) -> Times:
    """The times without what is less than a second. Raises CorpusError where that was all that kept two apart."""
    seconds = times.astype("datetime64[s]")
    if len(np.unique(times)) > len(np.unique(seconds)):
        first: dict[Any, Any] = {}
        row = next(k for k, time in enumerate(times) if first.setdefault(seconds[k], time) != time)
        raise CorpusError(
            f"{path}, {places[row]}: {column!r} is {str(times[row]).replace('T', ' ')}, in the second of another row; "
            "times are counted in whole seconds: leave the column out, and the rows are read in their order"
        )
    return seconds


def _reader(texts: Sequence[str], column: str, path: str) -> Callable[[str], datetime]:
    """From a cell to its time, in the form that the column is written in."""
    matches = [_DAY_OR_MONTH_FIRST.fullmatch(text) for text in texts]
    # Of two forms the rarer one is the mistake, and its row is named.
    if sum(match is not None for match in matches) * 2 > len(texts):
        first, second = (max(int(match[k]) for match in matches if match) for k in (1, 2))
        if first <= 12 and second <= 12:
            raise CorpusError(
                f"{path}: {column!r} holds times such as {texts[0]!r}, of which nothing says whether day or month "
                "comes first; write them as 2024-01-31"
            )
        day, month = (1, 2) if first > 12 else (2, 1)

        def by_day(text: str) -> datetime:
            match = _DAY_OR_MONTH_FIRST.fullmatch(text)
            if match is None:
                raise ValueError(text)
            date = f"{match[3]}-{int(match[month]):02}-{int(match[day]):02}"
            return datetime.fromisoformat(date + (match[4] or ""))

        return by_day
    if all(text.isdecimal() and 9 <= len(text) <= 19 for text in texts):
        # Since 1970, in seconds or in thousandths, millionths or billionths of them.
        size = 1000 ** min(3, max(0, max(map(len, texts)) - 9) // 3)
        return lambda text: _EPOCH + timedelta(microseconds=int(text) * 10**6 // size)
    return _any_form


def _any_form(text: str) -> datetime:
    quarter, slashed = _QUARTER.fullmatch(text), _YEAR_FIRST.fullmatch(text)
    if quarter is not None:
        return datetime(int(quarter[1]), 3 * int(quarter[2]) - 2, 1)
    if slashed is not None:
        date = f"{slashed[1]}-{int(slashed[2]):02}-{int(slashed[3]):02}"
        return datetime.fromisoformat(date + (slashed[4] or ""))
    if re.fullmatch(r"\d{4}(-\d{2})?", text):
        return datetime.fromisoformat(f"{text}-01-01"[:10])
    return datetime.fromisoformat(text)
