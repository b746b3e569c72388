"""Columns of a table of series by what they are: times, series, targets, covariates; named by the user, or found."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ...errors import CorpusError
from ..series import Columns, Values
from .table import Cells, Table
from .times import is_time
from .values import as_number, as_text, listed_near

# The names under which a column is known, in small letters, the first of them the one that the documentation teaches.
_TIME = ("date", "time", "timestamp", "datetime", "ds", "日期", "時間", "时间")
_SERIES = ("series", "unique_id", "item_id", "id", "item", "store", "名稱", "名称")
_TARGET = ("target", "y", "value", "數值", "数值", "值")
_MISSING = frozenset(("", "na", "nan", "n/a", "null", "none", "nat", "-", "?"))
# Cells that decide what a column holds, and the share of times that repeat from which on there may be several series.
_SAMPLE, _REPEATED = 200, 0.02


@dataclass(frozen=True, kw_only=True)
class ColumnNames:
    """Columns as a user or a model names them; empty or None where nobody did. learnt: whether a model did."""

    time: str | None = None
    series: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    learnt: bool = False

    @classmethod
    def parse(
        cls,
        *,
        time: str | None,
        series: str | None,
        target: str | None,
        past: str | None,
        known: str | None,
        static: str | None,
    ) -> "ColumnNames":
        """From options, in which commas stand between names; a name with a comma in it stands in double quotes."""
        lists = [_listed(text) for text in (series, target, past, known, static)]
        return cls(
            time=time, series=lists[0], targets=lists[1], past=lists[2], known=lists[3], static=lists[4]
        )

    @classmethod
    def of(cls, columns: Columns) -> "ColumnNames":
        """Those that a model was trained on."""
        return cls(
            time=columns.time, series=columns.series, targets=columns.targets, past=columns.past,
            known=columns.known, static=columns.static, learnt=True,
        )  # fmt: skip


def columns_of(table: Table, names: ColumnNames, path: str, *, part: bool = False) -> tuple[Columns, str]:
    """The columns by what they are, and a sentence on those that are not read; "" where all are.

    part: whether the table is the beginning of a longer one, which may hold but the first of several series.
    Raises CorpusError for a name that there is not (nearest first), one with two parts to play, and where the data
    could be meant in several ways.
    """
    available = tuple(table.columns)
    _check(names, available, path)
    time = names.time if names.time is not None or names.learnt else _time(table, names, path)
    series = names.series if names.series or names.learnt else _series(table, names, time, path, part)
    non_targets = {*([] if time is None else [time]), *series, *names.past, *names.known, *names.static}
    rest = [name for name in available if name not in non_targets]
    targets = names.targets or _targets(table, rest, path, long=bool(series))
    unread = [name for name in rest if name not in targets]
    note = ""
    if unread and not names.learnt:
        listed = ", ".join(name or "a column without a name" for name in unread)
        note = f"Not read: {listed} (--target, --past, --known or --static takes a column in)."
    return Columns(
        targets=targets, past=names.past, known=names.known, static=names.static, time=time, series=series
    ), note


def numbers(table: Table, column: str, path: str) -> Values:
    """A column as numbers, NaN where a cell is empty. Raises CorpusError, naming the row, for one that is none."""
    cells = table.columns[column]
    if cells.dtype.kind != "O":
        values = cells.astype(np.float64) if cells.dtype.kind == "f" else None
    else:
        try:
            values = np.array([text or "nan" for text in cells.tolist()], dtype=np.float64)
        except ValueError:
            values = np.array([as_number(text) for text in cells.tolist()])
            texts = [text for text in cells.tolist() if text.lower() not in _MISSING]
            wrong = [text for text in texts if np.isnan(as_number(text))]
            if wrong:
                place = table.places[cells.tolist().index(wrong[0])]
                hint = (
                    "; write a point before decimals, and no sign between thousands"
                    if "," in wrong[0]
                    else ""
                )
                raise CorpusError(
                    f"{path}, {place}: {column!r} is {wrong[0][:40]!r}, which is no number{hint}"
                ) from None
    if values is None:
        raise CorpusError(f"{path}: {column!r} holds times; a column of numbers belongs there")
    if np.isinf(values).any():
        place = table.places[int(np.isinf(values).argmax())]
        raise CorpusError(
            f"{path}, {place}: {column!r} is infinite; leave the cell empty if the value is not known"
        )
    return values


def holds_only_numbers(cells: Cells) -> bool:
    """Whether every cell is a number or empty, and one at least is a number."""
    if cells.dtype.kind != "O":
        return cells.dtype.kind == "f" and bool(np.isfinite(cells).any())
    texts = [text for text in cells.tolist() if text.lower() not in _MISSING]
    return bool(texts) and all(map(_is_number, texts))


def ids_of(table: Table, columns: Columns) -> np.ndarray:
    """The name of the series of each row."""
    parts = [texts_of(table, name) for name in columns.series]
    return np.array([" / ".join(row) for row in zip(*parts, strict=True)] if parts else [""] * len(table))


def unread_texts(table: Table, columns: Columns) -> dict[str, str]:
    """The columns that are not read and have one text in all rows, with this text: they may name a series."""
    columns_read = (
        *columns.targets,
        *columns.past,
        *columns.known,
        *columns.static,
        *columns.series,
        columns.time,
    )
    rest = (
        name for name in table.columns if name not in columns_read and not _holds_numbers(table.columns[name])
    )
    texts = {name: set(texts_of(table, name)) for name in rest}
    return {name: cells.pop() for name, cells in texts.items() if len(cells) == 1 and "" not in cells}


def texts_of(table: Table, column: str) -> list[str]:
    """The cells of a column as texts."""
    return [cell if isinstance(cell, str) else as_text(cell) for cell in table.columns[column].tolist()]


def _listed(text: str | None) -> tuple[str, ...]:
    rows = list(csv.reader([text or ""], skipinitialspace=True))
    return tuple(name.strip() for name in (rows[0] if rows else []) if name.strip())


def _is_number(text: str) -> bool:
    """Whether a text is a number; true and false are none."""
    try:
        return not np.isnan(float(text))
    except ValueError:
        return False


def _check(names: ColumnNames, available: Sequence[str], path: str) -> None:
    every = [*([] if names.time is None else [names.time]), *names.series, *names.targets]
    every += [*names.past, *names.known, *names.static]
    origin = ", which the model was trained on" if names.learnt else ""
    for name in every:
        if name not in available:
            listed = listed_near(name, available)
            raise CorpusError(f"{path} has no column {name!r}{origin}; its columns are {listed}")
        # A column that tells series apart may also be read as what a series has.
        parts = every.count(name) - (name in names.series and name in names.static)
        if parts > 1:
            raise CorpusError(f"{path}: the column {name!r} is named for two parts; name it for one")


def _time(table: Table, names: ColumnNames, path: str) -> str | None:
    """The column of times: by its usual name, else the only one that is written as times; None without any."""
    free = [
        name
        for name in table.columns
        if name not in (*names.series, *names.targets, *names.past, *names.static)
    ]
    by_name = {name.lower(): name for name in reversed(free)}
    usual = [by_name[name] for name in _TIME if name in by_name]
    time_columns = [name for name in free if _holds_times(table.columns[name])]
    if len(usual) == 1 or (usual and usual[0] in time_columns):
        return usual[0]
    if len(time_columns) > 1:
        raise CorpusError(
            f"{path}: {' and '.join(map(repr, time_columns))} both hold times; say with --time-column which one counts"
        )
    return time_columns[0] if time_columns else None


def _series(table: Table, names: ColumnNames, time: str | None, path: str, part: bool) -> tuple[str, ...]:
    """The column that tells series apart, where times repeat; none where each time stands there once."""
    if time is None:
        return _series_in_order(table, names, path, part)
    times = texts_of(table, time)
    if len(set(times)) >= (1 - _REPEATED) * len(times):
        return ()
    free = [name for name in table.columns if name not in (time, *names.targets, *names.past, *names.known)]
    apart = []
    for name in free:
        cells = texts_of(table, name)
        # A name stands for several rows, and in every row; a value hardly ever does in each of them.
        if (
            1 < len(set(cells)) <= len(cells) // 2
            and "" not in cells
            and len(set(zip(times, cells, strict=True))) == len(times)
        ):
            apart.append(name)
    texts = [name for name in apart if not _holds_numbers(table.columns[name])]
    usual = [name for name in apart if name.lower() in _SERIES]
    candidates = usual if len(usual) == 1 else texts
    if len(candidates) == 1:
        return (candidates[0],)
    if not apart:
        return ()  # rows that repeat: whoever reads them says what is done with them
    raise CorpusError(
        f"{path}: times repeat, and {' or '.join(map(repr, candidates or apart))} may tell its series apart; say with "
        "--series-column which one names the series of a row (several with commas between them)"
    )


def _series_in_order(table: Table, names: ColumnNames, path: str, part: bool) -> tuple[str, ...]:
    """The column that tells series apart where there are no times: its rows lie together, under a usual name.

    Raises CorpusError where a column may be meant so, by its name, or by texts that every row has, in rows that lie
    together.
    """
    possible = []
    for name in table.columns:
        cells, usual = texts_of(table, name), name.lower() in _SERIES
        fewest = 1 if part and usual else 2
        if (
            name in (*names.targets, *names.past, *names.known)
            or not fewest <= len(set(cells)) <= len(cells) // 2
        ):
            continue
        together = len([*groupby(cells)]) == len(set(cells)) and "" not in cells
        if together and usual:
            return (name,)
        if usual or (together and not _holds_numbers(table.columns[name])):
            possible.append(name)
    if possible:
        raise CorpusError(
            f"{path}: there are no times, and {' or '.join(map(repr, possible))} may tell its series apart; say with "
            "--series-column which one names the series of a row, or leave the column out of the file"
        )
    return ()


def _targets(table: Table, rest: Sequence[str], path: str, *, long: bool) -> tuple[str, ...]:
    """The column with a usual name; else all columns of numbers in the wide form, and the only one in the long."""
    numeric = [name for name in rest if _holds_numbers(table.columns[name])]
    usual = [name for name in numeric if name.lower() in _TARGET]
    if len(usual) == 1:
        return (usual[0],)
    if not numeric:
        firsts = (
            (name, _sample(table.columns[name])[:1]) for name in rest if table.columns[name].dtype.kind == "O"
        )
        hints = [
            f"; {name!r} begins with {first[0][:40]!r}: write a point before decimals, and no sign between thousands"
            for name, first in firsts
            if first and _is_number(first[0].replace(",", ""))
        ]
        raise CorpusError(
            f"{path}: no column of numbers is left to be forecast; there are "
            f"{', '.join(map(repr, table.columns))}{''.join(hints[:1])}"
        )
    if long and len(numeric) > 1:
        raise CorpusError(
            f"{path}: {', '.join(map(repr, numeric))} are numbers; say with --target which of them is forecast, and "
            "with --past or --known which ones help"
        )
    return tuple(numeric)


def _sample(cells: Cells) -> list[str]:
    texts = [text for text in cells.tolist() if text.lower() not in _MISSING]
    return texts[:: max(1, len(texts) // _SAMPLE)]


def _holds_times(cells: Cells) -> bool:
    if cells.dtype.kind != "O":
        return cells.dtype.kind == "M"
    sample = _sample(cells)
    return bool(sample) and all(map(is_time, sample))


def _holds_numbers(cells: Cells) -> bool:
    """Whether a column is meant as numbers: most of its cells are."""
    if cells.dtype.kind != "O":
        return cells.dtype.kind == "f"
    sample = _sample(cells)
    return bool(sample) and sum(map(_is_number, sample)) * 2 > len(sample)
