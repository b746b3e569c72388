"""Series that stay in a file: arrays of NumPy as they are, and large tables as numbers in a file of their own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from ...errors import CorpusError
from ..frequency import Frequency, Times
from ..row_file import NPY, PIECE, RowFile, last_known
from ..series import Columns, Series
from .columns import ColumnNames, columns_of, ids_of, numbers, texts_of, unread_texts
from .corpus import LeftOut
from .large import is_large
from .source import opened
from .table import Cells, Table, pieces_of
from .times import grid_of, parse_times

_NUMBERED = Frequency("step")
_HOW = (
    "a table of this size is read in its order: sort it by series and time, each time once, name the column that tells "
    "its series apart (--series-column), or give a part of it"
)


def is_array(path: str | Path) -> bool:
    """Whether a file begins as NumPy's .npy files do."""
    if not Path(path).is_file():
        return False
    with opened(path) as file:
        return file.read(len(NPY)) == NPY


def array_series(path: Path, names: ColumnNames, label: str) -> Series:
    """The series in a .npy file, [steps] or [steps, series], each of which is a target unless it is named.

    A large one stays in its file. Raises CorpusError for arrays of another form, names that there are not, and values
    that are infinite.
    """
    rows = RowFile.npy(path)
    available = ["value"] if rows.width == 1 else [f"value {k}" for k in range(rows.width)]
    table = Table(columns={name: np.array([0.0]) for name in available}, places=["row 1"], format="npy")
    columns, _ = columns_of(table, names, str(path))
    if columns.time is not None or columns.series or columns.static:
        raise CorpusError(
            f"{path}: an array has no column of times, of names or of texts; leave these options out"
        )
    for number, piece in enumerate(rows.pieces()):
        if np.isinf(piece).any():
            step = PIECE * number + int(np.isinf(piece).any(1).argmax())
            raise CorpusError(f"{path}, step {step}: a value is infinite; NaN says that one is missing")
    places = [
        [available.index(name) for name in part] for part in (columns.targets, columns.past, columns.known)
    ]
    series = _series(rows, columns, places, label, None, _NUMBERED)
    if series is None:
        raise CorpusError(f"{path}: the array has no value; NaN says that one is missing")
    return series if is_large(path) else _in_memory(series)


def _series(
    rows: RowFile,
    columns: Columns,
    places: list[list[int]],
    label: str,
    start: np.datetime64 | None,
    frequency: Frequency,
) -> Series | None:
    """A series of some rows of a file; None if no target has a value."""
    steps = last_known(rows.columns(places[0]))
    if not steps:
        return None
    targets, past, known_covariates = (rows.columns(part) for part in places)
    return Series(
        columns=columns, targets=targets[:steps], past=past[:steps], known=known_covariates,
        id=label, start=start, frequency=frequency,
    )  # fmt: skip


def _in_memory(series: Series) -> Series:
    return Series(
        columns=series.columns, targets=np.asarray(series.targets), past=np.asarray(series.past),
        known=np.asarray(series.known), id=series.id,
    )  # fmt: skip


@dataclass
class _Place:
    """Where one series lies: its first time, its first row, how many rows were read and how many it has."""

    start: np.datetime64 | None
    begin: int
    read: int = 0
    steps: int = 0


@dataclass
class LargeTable:
    """A table of series that is read once, piece by piece, into a file of numbers."""

    path: str
    names: ColumnNames
    format: str = ""
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    columns: Columns = field(init=False)
    _wall: bool = True
    _frequency: Frequency = field(default_factory=lambda: _NUMBERED)
    _places: dict[str, _Place] = field(default_factory=dict)
    _rows: int = 0
    # The text that all rows so far have in a column that is not read, where nothing else tells series apart.
    _unread: dict[str, str] = field(default_factory=dict)

    def series(self, file: Path, label: str) -> list[Series]:
        """The series, whose numbers go to `file`, but those without a value. label: what stands before their names.

        Raises CorpusError for what `read_series` refuses, static columns, series whose rows do not lie together, and
        times out of order or there twice; BundleError if the file cannot be written.
        """
        tables = pieces_of(self.path)
        first = next(tables, None)
        if first is None:
            raise CorpusError(f"{self.path}: there is no row in it, only the names of the columns")
        self._look_at(first)
        sizes = [len(part) for part in (self.columns.targets, self.columns.past, self.columns.known)]
        rows = RowFile.write(file, self._numbers(first, tables), sum(sizes))
        ends = np.cumsum([0, *sizes]).tolist()
        places = [list(range(begin, end)) for begin, end in pairwise(ends)]
        items = []
        for name, place in self._places.items():
            series_id = " / ".join(part for part in (label, name) if part)
            own = rows[place.begin : place.begin + place.steps]
            series = _series(own, self.columns, places, series_id, place.start, self._frequency)
            if series is None:
                self.left_out.append(LeftOut(self.path, series_id or "the series", "it has no value"))
            else:
                items.append(series)
        return items

    def _look_at(self, table: Table) -> None:
        """Finds the columns, and the frequency, in the first piece."""
        self.columns, note = columns_of(table, self.names, self.path, part=True)
        self.format, self.notes = table.format, [each for each in (table.note, note) if each]
        if self.columns.static:
            raise CorpusError(
                f"{self.path}: static columns are not read from a table of this size; leave --static out"
            )
        if self.columns.time is not None:
            names = ids_of(table, self.columns)
            groups = [np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())]
            parsed = parse_times(table.columns[self.columns.time], table.places, self.columns.time, self.path)
            _, self._frequency, self._wall = grid_of(parsed, groups, self.path)
        elif not self.columns.series and not self.names.learnt:
            self._unread = unread_texts(table, self.columns)

    def _numbers(self, first: Table, others: Iterator[Table]) -> Iterator[np.ndarray]:
        """The rows of all pieces, targets, past and known covariates side by side, NaN where steps have no row."""
        yield from self._of(first)
        for table in others:
            yield from self._of(table)

    def _of(self, table: Table) -> Iterator[np.ndarray]:
        columns = (*self.columns.targets, *self.columns.past, *self.columns.known)
        values = np.stack([numbers(table, name, self.path) for name in columns], 1)
        times = self._times(table.columns[self.columns.time], table.places) if self.columns.time else None
        names = ids_of(table, self.columns)
        self._refuse_doubt(table, names)
        starts = np.flatnonzero(names[1:] != names[:-1]) + 1
        for rows in np.split(np.arange(len(table)), starts):
            place = self._place(
                str(names[rows[0]]), None if times is None else times[rows[0]], table.places[rows[0]]
            )
            steps = (
                place.steps + np.arange(len(rows))
                if times is None
                else self._steps(place, times[rows], table, rows)
            )
            count = int(steps[-1]) + 1
            whole = np.full((count - place.steps, len(columns)), np.nan)
            whole[steps - place.steps] = values[rows]
            self._rows += len(whole)
            place.read, place.steps = place.read + len(rows), count
            yield whole

    def _refuse_doubt(self, table: Table, names: np.ndarray) -> None:
        """Raises CorpusError where a found column no longer names the series, or an unread one may do so."""
        nameless = np.flatnonzero(names == "")
        if len(nameless) and self.columns.series and not self.names.series:
            raise CorpusError(
                f"{self.path}, {table.places[nameless[0]]}: {self.columns.series[0]!r} is empty; say with "
                "--series-column that it names the series, or leave it out of the file"
            )
        for name, text in self._unread.items():
            cells = texts_of(table, name)
            other = next((row for row, cell in enumerate(cells) if cell not in ("", text)), None)
            if other is not None:
                raise CorpusError(
                    f"{self.path}, {table.places[other]}: there are no times, and {name!r} is {cells[other]!r} here "
                    f"and {text!r} before, so that it may tell its series apart; name the column with --series-column, "
                    "or leave it out of the file"
                )

    def _times(self, cells: Cells, places: list[str]) -> Times:
        assert self.columns.time is not None
        parsed = parse_times(cells, places, self.columns.time, self.path)
        return parsed.wall if self._wall else parsed.utc

    def _place(self, name: str, time: np.datetime64 | None, where: str) -> _Place:
        if name not in self._places:
            self._places[name] = _Place(time, self._rows)
        elif name != next(reversed(self._places)):
            raise CorpusError(f"{self.path}, {where}: the series {name!r} goes on after another one; {_HOW}")
        return self._places[name]

    def _steps(self, place: _Place, times: Times, table: Table, rows: np.ndarray) -> np.ndarray:
        """The steps of some rows of a series, counted from its first."""
        assert place.start is not None
        exact = self._frequency.steps(times, place.start)
        steps: np.ndarray = np.round(exact).astype(np.int64)
        wrong = np.flatnonzero((steps != exact) | (np.diff(steps, prepend=place.steps - 1) < 1))
        if len(wrong):
            where, shown = table.places[rows[wrong[0]]], str(times[wrong[0]]).replace("T", " ")
            raise CorpusError(
                f"{self.path}, {where}: the time {shown} is not a whole number of steps of {self._frequency} after the "
                f"row before it; {_HOW}"
            )
        if steps[-1] + 1 > 2 * (place.read + len(rows)) + PIECE:
            raise CorpusError(
                f"{self.path}, {table.places[rows[-1]]}: most of the steps of {self._frequency} before it have no row; "
                "cut the series, or give what is missing"
            )
        return steps
