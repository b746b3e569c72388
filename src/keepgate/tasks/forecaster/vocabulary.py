"""Statistics and frequency of a forecaster as plain JSON values, and back, checked."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from ...data.frequency import Frequency, Unit
from ...data.series import Columns
from ...errors import CorpusError
from .windows import Statistics

_FORM = (
    'a forecaster\'s vocabulary has "columns", "frequency", "means" and "deviations", one of each for every column of '
    'numbers, "categories" and "alone"'
)
_ROLES = ("targets", "past", "known", "static", "series")


def statistics_json(statistics: Statistics, frequency: Frequency) -> dict[str, Any]:
    """Both as plain values."""
    columns = {
        name: list(part) if isinstance(part, tuple) else part
        for name, part in asdict(statistics.columns).items()
    }
    return {
        "columns": columns,
        "frequency": {"unit": frequency.unit, "count": frequency.count},
        "means": list(statistics.means),
        "deviations": list(statistics.deviations),
        "alone": statistics.alone,
        "categories": [None if texts is None else list(texts) for texts in statistics.categories],
    }


def statistics_from(vocabulary: Mapping[str, Any]) -> tuple[Statistics, Frequency]:
    """What `statistics_json` gave. Raises CorpusError for values of another form."""
    columns, frequency = vocabulary.get("columns"), vocabulary.get("frequency")
    means, deviations = (_numbers(vocabulary.get(name)) for name in ("means", "deviations"))
    categories: Any
    alone: Any
    categories, alone = vocabulary.get("categories"), vocabulary.get("alone")
    if not isinstance(columns, dict) or not isinstance(frequency, dict) or not isinstance(categories, list):
        raise CorpusError(_FORM)
    names = {role: _texts(columns.get(role)) for role in _ROLES}
    texts = tuple(None if part is None else _texts(part) for part in categories)
    unit: Any
    count: Any
    unit, count, time = frequency.get("unit"), frequency.get("count"), columns.get("time")
    numbers = sum(len(names[role]) for role in ("targets", "past", "known")) + texts.count(None)
    fits = (
        unit in get_args(Unit) and type(count) is int and count >= 1 and (time is None or isinstance(time, str))
        and names["targets"] and len(texts) == len(names["static"]) and all(size > 0 for size in deviations)
        and len(means) == len(deviations) == numbers and isinstance(alone, bool)
    )  # fmt: skip
    if not fits:
        raise CorpusError(_FORM)
    return (
        Statistics(
            columns=Columns(time=time, **names),
            means=means,
            deviations=deviations,
            categories=texts,
            alone=alone,
        ),
        Frequency(unit, count),
    )


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise CorpusError(_FORM)
    return tuple(values)


def _numbers(values: Any) -> tuple[float, ...]:
    fits = isinstance(values, list) and all(
        type(value) in (int, float) and math.isfinite(value) for value in values
    )
    if not fits:
        raise CorpusError(_FORM)
    return tuple(float(value) for value in values)
