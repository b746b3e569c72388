"""Labelled series: a table with a row for each step, or NumPy's .npz with arrays x, y and perhaps lengths."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CorpusError
from ...wording import count_of
from ..labelled_series import LabelledSeries
from .corpus import LeftOut, account_of, listed_counts
from .labelled import LABEL, column_of, needed_column
from .source import files_of, name_of, read_bytes
from .table import Table, read_table
from .values import as_label, as_number, as_text, listed_near

# The names under which the column is known that says of which series a row is.
SERIES = ("series", "id", "series_id", "sample", "unique_id")
# Those of the column that numbers the steps of a series: its rows are read in that order, and it is no feature.
STEP = ("step", "timestep", "time_step", "步")
_NPZ = b"PK\x03\x04"
# What numpy.load and zipfile raise for broken, encrypted and too large files; NotImplementedError is a RuntimeError.
_UNREADABLE = (
    ValueError, OSError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_LARGEST = np.finfo(np.float32).max


@dataclass
class SeriesLabelCorpus:
    """Labelled series in the order of their files. format: "csv", "tsv", "json lines", "parquet" or "npz"."""

    items: list[LabelledSeries]
    format: str
    left_out: list[LeftOut] = field(default_factory=list)

    def account(self, at_most: int = 5) -> str:
        """What was taken and what was not, in a line; the features, the first ones left out, and the labels."""
        lengths = [len(item.values) for item in self.items] or [0]
        features = self.items[0].features if self.items else ()
        shortest = "" if min(lengths) == max(lengths) else f"{min(lengths):,} to "
        summary = (
            f"{count_of(len(self.items), 'series')} of {shortest}{count_of(max(lengths), 'steps')} ({self.format}), "
            f"{count_of(len(features), 'features')}: {', '.join(features[:8])}{' …' if len(features) > 8 else ''}"
        )
        account = account_of(summary, self.left_out, at_most)
        labels = [item.label for item in self.items if item.label is not None]
        return f"{account}\n{listed_counts(labels, 'labels')}" if labels else account


def read_labelled_series(
    paths: str | Path | Iterable[str | Path],
    *,
    series_column: str | None = None,
    label_column: str | None = None,
    features: Sequence[str] | None = None,
) -> SeriesLabelCorpus:
    """The labelled series of these files, in order; each file is read by its own format.

    series_column, label_column: names of the columns; None takes the first that has a usual name.
    features: those that are read, by name; None takes all other columns, which are numbers.
    The rows of a series stand in the order of its steps, or have their numbers in a column `step`; its label is the
    same in all of them.
    Raises CorpusError for a file that cannot be read, has no such column or a cell that is no finite number, and if
    the series do not have the same features.
    """
    files = files_of(paths)
    corpus = SeriesLabelCorpus([], "")
    formats = []
    for path in files:
        items, form = series_in(
            read_bytes(path), name_of(path), series_column=series_column, label_column=label_column, labelled=True,
            features=features,
        )  # fmt: skip
        formats.append(form)
        for item in items:
            if item.label:
                corpus.items.append(item)
            else:
                corpus.left_out.append(LeftOut(name_of(path), f"series {item.id}", "the label is empty"))
    corpus.format = " + ".join(dict.fromkeys(formats))
    if not corpus.items:
        raise CorpusError(
            f"{', '.join(map(name_of, files)) or 'no file'}: there is no series with a label; {corpus.account()}"
        )
    for item in corpus.items:
        if item.features != corpus.items[0].features:
            raise CorpusError(
                f"series {item.id} has the features {', '.join(item.features)}, and series {corpus.items[0].id} has "
                f"{', '.join(corpus.items[0].features)}; all series need the same, in the same order"
            )
    return corpus


def series_in(
    raw: bytes,
    path: str,
    *,
    series_column: str | None = None,
    label_column: str | None = None,
    labelled: bool = False,
    features: Sequence[str] | None = None,
) -> tuple[list[LabelledSeries], str]:
    """The series in these bytes, and the name of the format.

    labelled: whether a label is needed. features: those that are read, by name; None takes all that are left.
    Raises as `read_labelled_series`.
    """
    if raw.startswith(_NPZ):
        return _arrays(raw, path, labelled, features), "npz"
    table = read_table(raw, path)
    columns = list(table.columns)
    series = column_of(columns, series_column, SERIES, path)
    label = (
        needed_column(columns, label_column, LABEL, "label", path)
        if labelled
        else column_of(columns, label_column, LABEL, path)
    )
    step = next(
        (name for name in STEP if name in columns and name not in (series, label, *(features or ()))), None
    )
    names = _features([name for name in columns if name not in (series, label, step)], features, path)
    unread = [name for name in columns if name not in (*names, label, step)]
    if series is None and unread:
        raise CorpusError(
            f"{path}: no column is known to say of which series a row is, and {', '.join(map(repr, unread))} is none "
            "of the features that the model reads; name the column of the series with --series-column, or leave it out"
        )
    values = _numbers(table, names, path)
    groups = np.zeros(len(table), int) if series is None else _groups(table.columns[series])
    # A table without a column of the series is one series.
    order = np.argsort(groups, kind="stable") if step is None else _by_step(table, step, groups, path)
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return [
        LabelledSeries(
            values=values[rows],
            features=tuple(names),
            label=None if label is None else _label_of(table, label, rows, path),
            id=path if series is None else as_text(table.columns[series][rows[0]]),
        )
        for rows in np.split(order, starts[1:])
    ], table.format


def _features(rest: Sequence[str], wanted: Sequence[str] | None, path: str) -> list[str]:
    missing = [name for name in wanted or () if name not in rest]
    if missing:
        raise CorpusError(
            f"{path} has no column {missing[0]!r}, which the model reads; its columns are "
            f"{listed_near(missing[0], rest)}"
        )
    if not rest:
        raise CorpusError(f"{path}: there is no column of numbers in it; give one for each feature")
    return list(wanted or rest)


def _numbers(table: Table, names: Sequence[str], path: str) -> NDArray[np.float32]:
    """[rows, features]. Raises CorpusError for the first cell that is no finite number."""
    return np.stack([_column(table, name, path).astype(np.float32) for name in names], 1)


def _column(table: Table, name: str, path: str) -> NDArray[np.float64]:
    cells = table.columns[name]
    if cells.dtype.kind == "M":
        raise CorpusError(
            f"{path}: {name!r} holds times, and a feature is a number; leave the column out, or write numbers"
        )
    try:
        numbers = cells.astype(np.float64)
    except (TypeError, ValueError):
        numbers = np.array([as_number(cell) for cell in cells])
    # A number that float32 cannot hold is none either.
    wrong = np.flatnonzero(~(np.abs(numbers) <= _LARGEST))
    if len(wrong):
        row = int(wrong[0])
        raise CorpusError(
            f"{path}, {table.places[row]}: {name!r} is {str(cells[row])[:40]!r}, which is no finite number; "
            "fill it, or leave the column out (of texts, it may be that of the series: --series-column)"
        )
    return numbers


def _by_step(table: Table, step: str, groups: NDArray[np.int64], path: str) -> NDArray[np.int64]:
    """The rows by series and step. Raises CorpusError for a step that a series has twice."""
    steps = _column(table, step, path)
    order = np.lexsort((steps, groups))
    twice = np.flatnonzero((np.diff(groups[order]) == 0) & (np.diff(steps[order]) == 0))
    if len(twice):
        first, second = (int(row) for row in order[twice[0] : twice[0] + 2])
        raise CorpusError(
            f"{path}, {table.places[second]}: its series has {step} {table.columns[step][second]} already in "
            f"{table.places[first]}; where there are several series, name their column with --series-column"
        )
    return order


def _groups(cells: NDArray[Any]) -> NDArray[np.int64]:
    """The number of each row's series, in the order in which they begin."""
    number: dict[Any, int] = {}
    return np.array([number.setdefault(cell, len(number)) for cell in cells.tolist()])


def _label_of(table: Table, label: str, rows: NDArray[np.int64], path: str) -> str | None:
    of_rows = [as_label(cell) for cell in table.columns[label][rows]]
    labels = list(dict.fromkeys(of_rows))
    if len(labels) > 1:
        other = rows[of_rows.index(labels[1])]
        raise CorpusError(
            f"{path}, {table.places[other]}: the series has two labels, {labels[0]!r} and {labels[1]!r}; give one in "
            "all of its rows"
        )
    return labels[0] or None


def _arrays(raw: bytes, path: str, labelled: bool, features: Sequence[str] | None) -> list[LabelledSeries]:
    """The series of an .npz file. Raises CorpusError for arrays that are not of that form."""
    arrays = _checked_arrays(raw, path, labelled)
    x, y = arrays["x"], arrays.get("y")
    names = list(map(str, np.ravel(arrays.get("features", features or np.arange(1, x.shape[2] + 1)))))
    if len(names) != x.shape[2] or len(set(names)) < len(names):
        raise CorpusError(
            f"{path}: there are {x.shape[2]} numbers in each step of x, and names of {len(names)} features: "
            f"{', '.join(names)}; give each number a name of its own"
        )
    selected = _features(names, features, path)
    order = [names.index(name) for name in selected]
    items = []
    for row, length in enumerate(arrays["lengths"].tolist()):
        values = x[row, :length, order].T.astype(np.float64)
        wrong = np.argwhere(~(np.abs(values) <= _LARGEST))
        if len(wrong):
            step, feature = map(int, wrong[0])
            raise CorpusError(f"{path}: x[{row}, {step}, {order[feature]}] is no finite number; fill it")
        label = None if y is None else as_label(y[row]) or None
        items.append(
            LabelledSeries(
                values=values.astype(np.float32), features=tuple(selected), label=label, id=str(row)
            )
        )
    return items


def _checked_arrays(raw: bytes, path: str, labelled: bool) -> dict[str, NDArray[Any]]:
    """x [series, steps, features], lengths [series], and y and features where they are there."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name in ("x", "y", "lengths", "features")}
    except _UNREADABLE as fault:
        raise CorpusError(f"{path}: this .npz file cannot be read: {fault}") from None
    x, y = arrays.get("x"), arrays.get("y")
    if x is None or x.ndim not in (2, 3) or x.dtype.kind not in "fiub" or 0 in x.shape:
        shape = "none" if x is None else f"{x.dtype} of shape {list(x.shape)}"
        raise CorpusError(
            f"{path}: its array x is {shape}; numbers belong there, [series, steps, features] or [series, steps]"
        )
    if (labelled and y is None) or (y is not None and y.shape != (len(x),)):
        shape = "missing" if y is None else f"of shape {list(y.shape)}"
        raise CorpusError(
            f"{path}: its array y is {shape}; a label for each of the {len(x)} series belongs there"
        )
    lengths = arrays.setdefault("lengths", np.full(len(x), x.shape[1]))
    of_series = lengths.shape == (len(x),) and lengths.dtype.kind in "iu"
    if not of_series or not ((lengths > 0) & (lengths <= x.shape[1])).all():
        raise CorpusError(
            f"{path}: its array lengths must hold a number of steps from 1 to {x.shape[1]} for each series"
        )
    return arrays | {"x": x[:, :, None] if x.ndim == 2 else x}
