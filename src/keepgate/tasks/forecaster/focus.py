"""What the lens is asked about a series: which series of a table, which target, how many steps ahead."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...data.corpora.columns import ColumnNames
from ...data.corpora.series import series_in
from ...data.series import Columns, Series
from ...data.text import Tokens
from ...errors import SettingsError, nearest_first

_AHEAD = re.compile(r"(.*)\+(\d+)")


def focused(text: str, question: str | None, columns: Columns, ahead: int) -> Series:
    """The series of a table that a question is about: [SERIES:]TARGET[+STEPS AHEAD]; each part may be left out.

    Raises CorpusError for a table that cannot be read, SettingsError for a question that names none of these.
    """
    items = series_in(text, ColumnNames.of(columns))
    ids = [item.id for item in items]
    name, rest = (question or "").strip(), question or ""
    match = _AHEAD.fullmatch(name)
    steps = 1
    if match is not None and name not in (*columns.targets, *ids):
        name, steps = match[1].strip(), int(match[2])
    if not 1 <= steps <= ahead:
        raise SettingsError(f"{rest!r} asks for step {steps} ahead; the model forecasts 1 to {ahead}")
    series, colon, target = name.rpartition(":")
    if not colon and name in ids and name not in columns.targets:
        series, target = name, ""
    return replace(_series(items, series.strip()), focus=(_target(columns, target.strip()), steps))


def step_names(series: Series, first: int, steps: int, size: int) -> Tokens:
    """The names of segments of so many steps each from a step on: the time of the first step of each."""
    return tokens_of(series.times(segment_starts(first, steps, size)))


def segment_starts(first: int, steps: int, size: int) -> NDArray[np.int64]:
    """The first step of each segment from a step on; the first segment may be shorter than the others."""
    return np.maximum(np.arange(first + steps - -(-steps // size) * size, first + steps, size), first)


def tokens_of(names: Sequence[str]) -> Tokens:
    """Names as the tokens of a text with blanks between them."""
    ends = np.cumsum([len(name) + 1 for name in names]) - 1
    starts = [int(end) - len(name) for end, name in zip(ends, names, strict=True)]
    return Tokens(tuple(names), tuple(starts), tuple(map(int, ends)))


def _series(items: Sequence[Series], name: str) -> Series:
    chosen = [item for item in items if not name or item.id == name]
    if len(chosen) == 1:
        return chosen[0]
    listed = ", ".join(nearest_first(name, [item.id for item in items])[:8])
    fault = f"there is no series {name!r}" if name else f"the table has {len(items)} series"
    raise SettingsError(
        f"{fault}; name one of them, such as {items[0].id}:{items[0].columns.targets[0]}: {listed}"
    )


def _target(columns: Columns, name: str) -> int:
    if name and name not in columns.targets:
        raise SettingsError(
            f"the model does not forecast {name!r}; it forecasts {', '.join(nearest_first(name, columns.targets))}"
        )
    return columns.targets.index(name) if name else 0
