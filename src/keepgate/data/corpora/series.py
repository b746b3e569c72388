"""Series from tables: wide (a column a series) or long (a column that names the series), at regular times."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import CorpusError
from ...wording import count_of
from ..frequency import Frequency, Times
from ..series import Columns, Series
from .columns import ColumnNames, columns_of, holds_only_numbers, ids_of, numbers
from .corpus import LeftOut, account_of
from .large import is_large
from .series_file import LargeTable, array_series, is_array
from .source import files_of, name_of, paths_of, read_bytes
from .table import Table, read_table
from .times import clock_changes, grid_of, parse_times

# Clocks are put back on one night a year, in these months.
_CLOCK_MONTHS = (3, 4, 9, 10, 11)
_LISTED = 12


@dataclass
class SeriesCorpus:
    """Series in the order of their files. format: "csv", "tsv", "json lines" or "parquet".

    notes: what was put in order: repeated rows, gaps, columns that are not read.
    """

    items: list[Series]
    format: str
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def account(self, at_most: int = 5) -> str:
        """What was taken and what was not, in a line; the columns by what they are; what was put in order."""
        steps = sum(map(len, self.items))
        summary = f"{count_of(len(self.items), 'series')} of {count_of(steps, 'steps')} ({self.format})"
        if not self.items:
            return account_of(summary, self.left_out, at_most)
        columns, frequency = self.items[0].columns, self.items[0].frequency
        summary += ", in order, without times" if frequency.unit == "step" else f", a step every {frequency}"
        parts = [f"forecast: {_names(columns.targets)}"]
        for role, names in (
            ("known up to now", columns.past), ("known ahead", columns.known), ("of a series", columns.static)
        ):  # fmt: skip
            parts += [f"{role}: {_names(names)}"] if names else []
        return "\n".join([account_of(summary, self.left_out, at_most), "; ".join(parts) + ".", *self.notes])


def read_series(
    paths: str | Path | Iterable[str | Path],
    *,
    time_column: str | None = None,
    series_column: str | None = None,
    target: str | None = None,
    past: str | None = None,
    known: str | None = None,
    static: str | None = None,
    folder: Path | None = None,
) -> SeriesCorpus:
    """The series in these tables: CSV, TSV, JSON lines, Parquet or .npy, the format told from what stands in a file.

    time_column:   the column of times; None finds it.
    series_column: the column (or columns, with commas between them) that says of which series a row is (long form).
    target, past, known, static: columns, with commas between them: what is forecast; covariates that are known up to
                   now; those known ahead, whose rows may go on after the last value of the target; what a series has
                   once. Without a target, the column with a usual name is; else all of numbers are (wide form).
    folder:        where the numbers of tables go that are too large to be read whole, in files that are gone
                   afterwards; None reads all of a table.
    Raises CorpusError for a file that cannot be read, a column that there is not or that may be meant otherwise, times
    that are irregular or repeat with other values, and if no series is left.
    """
    names = ColumnNames.parse(
        time=time_column, series=series_column, target=target, past=past, known=known, static=static
    )
    files = paths_of(paths)
    if not files:
        raise CorpusError("no files were given; name at least one with series")
    return _corpus([str(path) for path in files], names, folder=folder)


def read_series_like(paths: str | Path | Iterable[str | Path], columns: Columns) -> SeriesCorpus:
    """The series of files ("-" is standard input) in the columns that a model was trained on. Raises likewise."""
    return _corpus([str(path) for path in paths_of(paths)], ColumnNames.of(columns))


def series_in(content: str, names: ColumnNames, path: str = "text") -> list[Series]:
    """The series in a table's text, as a CSV file has it. path: what an error calls it. Raises as `read_series`."""
    return _corpus([path], names, content=content.encode()).items


def _corpus(
    files: Sequence[str], names: ColumnNames, *, folder: Path | None = None, content: bytes | None = None
) -> SeriesCorpus:
    """folder: see `read_series`. content: of the only file, if that is not to be read."""
    corpus = SeriesCorpus([], "")
    formats, columns = [], None
    if content is None:
        files_of(path for path in files if not _stays(path, folder))
    for path in files:
        stem = Path(path).stem if len(files) > 1 else ""
        if content is None and is_array(path):
            corpus.items.append(array_series(Path(path), names, stem))
            form, roles = "npy", corpus.items[-1].columns
        elif content is None and folder is not None and _stays(path, folder):
            large = LargeTable(path, names)
            corpus.items += large.series(folder / Path(path).name, stem)
            form, roles = large.format, large.columns
            corpus.notes += large.notes
            corpus.left_out += large.left_out
        else:
            form, roles = _add(corpus, path, content, names, stem)
        formats.append(form)
        if columns is not None and roles != columns:
            raise CorpusError(
                f"{path}: its columns are others than those of {files[0]} ({_names(columns.targets)}); name them "
                "(--target, --past, --known), or train on one file"
            )
        columns = roles
    corpus.format = " + ".join(dict.fromkeys(formats))
    corpus.notes = list(dict.fromkeys(corpus.notes))
    if not corpus.items:
        raise CorpusError(f"{', '.join(map(name_of, files))}: there is no series; {corpus.account()}")
    frequencies = dict.fromkeys(item.frequency for item in corpus.items)
    if len(frequencies) > 1:
        raise CorpusError(
            f"the files have steps of {' and of '.join(map(str, frequencies))}; a model has one distance between steps"
        )
    return corpus


def _stays(path: str, folder: Path | None) -> bool:
    """Whether the series of a file stay on the disk."""
    return is_large(path) and (folder is not None or is_array(path))


def _add(
    corpus: SeriesCorpus, path: str, content: bytes | None, names: ColumnNames, stem: str
) -> tuple[str, Columns]:
    """Adds the series of one table, which is in memory; its format and its columns."""
    if content is None:
        path, content = name_of(path), read_bytes(path)
    table = read_table(content, path)
    columns, note = columns_of(table, names, path)
    corpus.notes += [each for each in (table.note, note) if each]
    _add_series(corpus, table, columns, path, stem)
    return table.format, columns


def _add_series(corpus: SeriesCorpus, table: Table, columns: Columns, path: str, stem: str) -> None:
    names = ids_of(table, columns)
    groups = {name: np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}
    parsed = (
        None if columns.time is None
        else parse_times(table.columns[columns.time], table.places, columns.time, path)
    )  # fmt: skip
    roles = (columns.targets, columns.past, columns.known)
    values = [
        np.stack([numbers(table, name, path) for name in part], 1) if part else np.zeros((len(table), 0))
        for part in roles
    ]
    grid = None if parsed is None else grid_of(parsed, list(groups.values()), path)
    once = {column: _once(table, column, path) for column in columns.static}
    if parsed is not None and grid is not None and not grid[2]:
        corpus.notes += clock_changes(parsed, list(groups.values()), path)
    gaps = empty = unknown = 0
    for name, rows in groups.items():
        label = " / ".join(part for part in (stem, name) if part)
        static = tuple(_constant(cells[rows], column, path, label) for column, cells in once.items())
        parts, start, steps = _regular(corpus, grid, rows, values, table, path)
        gaps += len(parts[0]) - len(steps)
        present = np.flatnonzero(np.isfinite(parts[0]).any(1))
        if not len(present):
            corpus.left_out.append(LeftOut(path, label or "the series", "it has no value"))
            continue
        end = int(present[-1]) + 1
        empty += int(np.isnan(parts[0][steps[steps < end]]).sum())
        unknown += int(np.isnan(parts[1][steps[steps < end]]).sum() + np.isnan(parts[2][steps]).sum())
        corpus.items.append(
            Series(
                columns=columns, targets=parts[0][:end], past=parts[1][:end], known=parts[2], static=static,
                id=label, start=start, frequency=Frequency("step") if grid is None else grid[1],
            )
        )  # fmt: skip
    corpus.notes += [f"{path}: {note}" for note in _missing(columns, gaps, empty, unknown)]


def _missing(columns: Columns, gaps: int, empty: int, unknown: int) -> Iterator[str]:
    """What lacks in a table: steps without a row, empty cells of targets, and empty ones of covariates."""
    if gaps:
        yield f"{count_of(gaps, 'steps')} without a row: gaps, as are empty cells."
    if empty:
        yield f"{count_of(empty, 'empty cells')} of {_names(columns.targets)}: gaps."
    if unknown:
        covariates = _names((*columns.past, *columns.known))
        yield f"{count_of(unknown, 'empty cells')} of {covariates}: the value before each is read in its place."


def _once(table: Table, column: str, path: str) -> np.ndarray:
    """What series have once: numbers where all are, else texts. Raises CorpusError for numbers of which some lack."""
    cells = table.columns[column]
    if not holds_only_numbers(cells):
        return np.array([str(cell) for cell in cells.tolist()], dtype=object)
    values = numbers(table, column, path)
    if np.isnan(values).any():
        place = table.places[int(np.isnan(values).argmax())]
        raise CorpusError(
            f"{path}, {place}: {column!r} is empty, and a number in other rows; write one, or leave the column out"
        )
    return values


def _constant(cells: np.ndarray, column: str, path: str, label: str) -> str | float:
    """What is in all rows of a series. Raises CorpusError where it changes."""
    values: list[str | float] = cells.tolist()
    if len(set(values)) > 1:
        raise CorpusError(
            f"{path}: {column!r} changes within the series {label!r} ({values[0]!r} and others); what changes goes to "
            "--past or --known"
        )
    return values[0]


def _regular(
    corpus: SeriesCorpus,
    grid: tuple[Times, Frequency, bool] | None,
    rows: np.ndarray,
    values: Sequence[np.ndarray],
    table: Table,
    path: str,
) -> tuple[list[np.ndarray], np.datetime64 | None, np.ndarray]:
    """The values of a series step by step, its first time, and the steps that have a row."""
    if grid is None:
        return [part[rows] for part in values], None, np.arange(len(rows))
    every, frequency, wall = grid
    if (np.diff(every[rows]) < np.timedelta64(0, "s")).any():
        corpus.notes.append(f"{path}: rows are not in the order of their times; they were sorted.")
        rows = rows[np.argsort(every[rows], kind="stable")]
    times, arrays = every[rows], [part[rows] for part in values]
    again = np.flatnonzero(np.diff(times) == np.timedelta64(0, "s")) + 1
    if len(again):
        corpus.notes.append(_settle_twins(times, again, arrays, frequency, wall, rows, table, path))
        keep = np.setdiff1d(np.arange(len(times)), again)
        times, arrays = times[keep], [part[keep] for part in arrays]
    places = frequency.steps(times, times[0])
    off = np.flatnonzero(places != np.round(places))
    if len(off) or len(np.unique(places)) < len(places):
        row = int(off[0]) if len(off) else int(np.flatnonzero(np.diff(places) == 0)[0]) + 1
        raise CorpusError(
            f"{path}: the times are irregular: {_shown(times[row])} is not a whole number of steps of {frequency} "
            f"after {_shown(times[0])}; bring the series to a regular grid first"
        )
    steps = places.astype(np.int64)
    count = int(steps[-1]) + 1
    if count > 2 * len(steps):
        wide = int(np.diff(steps).argmax())
        raise CorpusError(
            f"{path}: of {count:,} steps of {frequency}, {count - len(steps):,} have no row; between "
            f"{_shown(times[wide])} and {_shown(times[wide + 1])} there is nothing. Cut the series, or give what is "
            "missing"
        )
    spread = []
    for part in arrays:
        whole = np.full((count, part.shape[1]), np.nan)
        whole[steps] = part
        spread.append(whole)
    return spread, times[0], steps


def _settle_twins(
    times: Times,
    again: np.ndarray,
    taken: list[np.ndarray],
    frequency: Frequency,
    wall: bool,
    rows: np.ndarray,
    table: Table,
    path: str,
) -> str:
    """What was done with rows whose time is that of the row before: the first of them holds what counts.

    Raises CorpusError for rows that differ, unless the clock was put back.
    """
    alike = all(np.array_equal(part[again], part[again - 1], equal_nan=True) for part in taken)
    if alike:
        return f"{path}: {count_of(len(again), 'rows')} repeated, all alike; each counts once."
    if wall and _clock_put_back(times[again], frequency):
        for part in taken:
            for row in again[::-1].tolist():
                part[row - 1] = _mean(part[row - 1 : row + 1])
        return (
            f"{path}: {count_of(len(again), 'times')} repeated in the night when clocks are put back: each has the "
            "mean of its two rows, and the hour that spring leaves out is a gap; write times with their offset from "
            "UTC to keep them apart."
        )
    row = int(again[0])
    raise CorpusError(
        f"{path}, {table.places[rows[row]]}: the time {_shown(times[row])} stands there again, with other values than "
        f"in {table.places[rows[row - 1]]}; if the rows are of several series, name the column that tells them apart "
        "(--series-column)"
    )


def _clock_put_back(times: Times, frequency: Frequency) -> bool:
    """Whether repeated times are those of one hour, on one night of each year, when clocks may be put back."""
    if frequency.unit != "second" or frequency.count > 3600:
        return False
    nights = np.unique(times.astype("datetime64[D]"))
    years = nights.astype("datetime64[Y]")
    hours = np.unique(times.astype("datetime64[h]"))
    months = nights.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return len(np.unique(years)) == len(nights) == len(hours) and bool(np.isin(months, _CLOCK_MONTHS).all())


def _mean(pair: np.ndarray) -> np.ndarray:
    """The mean of two rows, column by column, of what is known."""
    present = np.isfinite(pair)
    return np.where(
        present.any(0), np.where(present, pair, 0.0).sum(0) / np.maximum(present.sum(0), 1), np.nan
    )


def _shown(time: np.datetime64) -> str:
    return str(time).replace("T", " ")


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
