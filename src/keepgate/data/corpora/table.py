"""Tables: CSV or TSV whose first line names the columns, JSON lines, or Parquet, as columns of cells."""

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import CorpusError
from .records import parse_lines
from .source import PARQUET, decoded, lines_of, opened
from .values import as_text, refuse_twins

# What an index without a name is called in a table of pandas: as CSV, and as Parquet.
_NAMELESS = ("", "__index_level_0__")
# A text may be a book: csv reads fields of more than its 131,072 characters, of as many as a C long counts everywhere.
csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
_LINE = re.compile(r"[^\r\n]+")
# Bytes of a file that are read as one piece of its table.
_PIECE = 1 << 22
Cells = NDArray[Any]
TableForm = Literal["csv", "tsv", "json lines"]
# A row by column, and the line of its file in which it begins.
PlacedRow = tuple[int, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The cells of a table by column: texts, or what Parquet holds. places: of each row, such as "line 3".

    note: a sentence on what is not read; "" where all is.
    """

    columns: Mapping[str, Cells]
    places: list[str]
    format: str
    note: str = ""

    def __len__(self) -> int:
        return len(self.places)


def names_in(line: str) -> list[str]:
    """The names of the columns, if this line of CSV or TSV holds them; none of a line that is no row of a table."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter_of(line)), [])]
    except csv.Error:
        return []


def first_in(content: str) -> str:
    """The first line that is not blank, also where lines end in \\r alone; "" where there is none."""
    return next((line[0] for line in _LINE.finditer(content) if line[0].strip()), "")


def delimiter_of(line: str) -> str:
    """What stands between the columns of a table whose first line this is: a tab, a semicolon or a comma."""
    return "\t" if "\t" in line else ";" if ";" in line and "," not in line else ","


def read_rows(content: str, path: str, left_out: int = 0) -> tuple[list[PlacedRow], str]:
    """The rows of CSV, TSV or JSON lines with their lines, by column, and the name of the format.

    left_out: lines of the file that are not in the content: after its first line, of JSON lines before it.
    Raises CorpusError, naming the line, for one with another number of columns than the first has, and where the first
    names two alike.
    """
    first = first_in(content)
    form = form_of(first)
    lines = lines_of(content) if form == "json lines" else io.StringIO(content, newline="")
    return [*rows_of(lines, first, path, left_out)], form


def form_of(first: str) -> TableForm:
    """The format of a table with this first line."""
    if first.lstrip().startswith("{"):
        return "json lines"
    return "tsv" if delimiter_of(first) == "\t" else "csv"


def rows_of(lines: Iterable[str], first: str, path: str, left_out: int = 0) -> Iterator[PlacedRow]:
    """The rows of a table, each from no more lines than it has. lines: of CSV, with their ends. Raises as `read_rows`.

    first: line of the table that is not blank, which tells the format.
    """
    if form_of(first) == "json lines":
        for line, value in parse_lines(lines, path, left_out):
            if not isinstance(value, dict):
                raise CorpusError(f"{path}, line {line}: an object with a field for each column belongs here")
            yield line, value
        return
    yield from _fields_by_column(lines, delimiter_of(first), path, left_out)


def _fields_by_column(lines: Iterable[str], delimiter: str, path: str, left_out: int) -> Iterator[PlacedRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    end = 0
    try:
        for fields in reader:
            line, end = end + 1 + (left_out if header else 0), reader.line_num
            if not fields:
                continue
            if not header:
                header = header_of(fields, path)
                continue
            if len(fields) != len(header):
                sign = {"\t": "a tab", ";": "a semicolon", ",": "a comma"}[delimiter]
                raise CorpusError(
                    f"{path}, line {line}: there are {len(fields)} columns where the first line has {len(header)}; a "
                    f"field with {sign} or a line break in it stands in double quotes"
                )
            yield line, dict(zip(header, fields, strict=True))
    except csv.Error as fault:
        raise no_table(path, end + 1, fault) from None


def header_of(fields: Sequence[str], path: str) -> list[str]:
    """The names of the columns in a row, none of a blank one. Raises CorpusError where two are alike."""
    names = [name.strip() for name in fields]
    refuse_twins(names, path)
    return names if any(names) else []


def no_table(path: str, line: int, fault: csv.Error) -> CorpusError:
    """The error for a file that is none from this line on."""
    return CorpusError(f"{path}, line {line}: this cannot be read as a table: {fault}")


def read_table(raw: bytes, path: str, left_out: int = 0) -> Table:
    """The table in these bytes, which came from `path`; left_out: see `read_rows`.

    Raises CorpusError for what is no table, has no rows, or names two columns alike; SettingsError for Parquet without
    pyarrow.
    """
    if raw.startswith(PARQUET):
        return _parquet(raw, path)
    rows, form = read_rows(decoded(raw, path), path, left_out)
    if not rows:
        raise CorpusError(f"{path}: there is no row in it, only the names of the columns")
    names = columns_in(rows)
    columns = {
        name: np.array([as_text(row.get(name)).strip() for _, row in rows], dtype=object) for name in names
    }
    return _without_index(Table(columns=columns, places=[f"line {line}" for line, _ in rows], format=form))


def columns_in(rows: Iterable[PlacedRow]) -> list[str]:
    """The names of all columns: of JSON lines, any row may lack one."""
    return list(dict.fromkeys(name for _, row in rows for name in row))


def _without_index(table: Table) -> Table:
    """The table without a nameless column of whole numbers, in which pandas and R number the rows."""
    index = next((name for name in _NAMELESS if name in table.columns), None)
    if index is None or len(table.columns) == 1 or not all(map(_is_whole, table.columns[index].tolist())):
        return table
    rest = {name: cells for name, cells in table.columns.items() if name != index}
    note = "Not read: a column of whole numbers without a name, which numbers the rows."
    return Table(columns=rest, places=table.places, format=table.format, note=note)


def _is_whole(cell: object) -> bool:
    return cell.is_integer() if isinstance(cell, float) else str(cell).isdecimal()


def _pyarrow_parquet(path: str) -> Any:
    try:
        return import_module("pyarrow.parquet")
    except ImportError:
        raise CorpusError(
            f"{path} is a Parquet file, which needs pyarrow: pip install 'keepgate[arrow]', or save it as CSV"
        ) from None


def _parquet(raw: bytes, path: str) -> Table:
    parquet = _pyarrow_parquet(path)
    try:
        return _of_arrow(parquet.read_table(io.BytesIO(raw)), path, 0)
    except CorpusError:
        raise
    except Exception as fault:
        raise CorpusError(f"{path}: this Parquet file cannot be read: {str(fault).splitlines()[0]}") from None


def _of_arrow(table: Any, path: str, left_out: int) -> Table:
    """A table of Arrow, so many rows of the file before it. Raises CorpusError if it has none."""
    if not len(table):
        raise CorpusError(f"{path}: there is no row in it, only the names of the columns")
    columns = {name: _column(table.column(name)) for name in table.schema.names}
    places = [f"row {left_out + k}" for k in range(1, len(table) + 1)]
    return _without_index(Table(columns=columns, places=places, format="parquet"))


def pieces_of(path: str) -> Iterator[Table]:
    """The table in a file, CSV, TSV, JSON lines or Parquet, a piece at a time. Raises as `read_table`."""
    with opened(path) as file:
        if file.peek(len(PARQUET)).startswith(PARQUET):
            yield from _parquet_pieces(path)
            return
        before, first = next(((k, line) for k, line in enumerate(file) if line.strip()), (0, b""))
        header = [] if first.removeprefix(BOM_UTF8).lstrip().startswith(b"{") else [first]
        lines, columns = [first, *file.readlines(_PIECE)], dict[str, Cells]()
        while b"".join(lines[len(header) :]).strip():
            table = read_table(b"".join(lines), path, before)
            # A piece of JSON lines may lack a column, which is empty there.
            empty = np.full(len(table), "", dtype=object)
            columns = {**dict.fromkeys(columns, empty), **table.columns}
            yield replace(table, columns=columns)
            before += len(lines) - len(header)
            lines = [*header, *file.readlines(_PIECE)]


def _parquet_pieces(path: str) -> Iterator[Table]:
    arrow, parquet = import_module("pyarrow"), _pyarrow_parquet(path)
    before = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            yield _of_arrow(arrow.Table.from_batches([batch]), path, before)
            before += len(batch)
    except arrow.ArrowException as fault:
        raise CorpusError(f"{path}: this Parquet file cannot be read: {str(fault).splitlines()[0]}") from None


def _column(column: Any) -> Cells:
    """A column of Parquet: times as datetime64[us], of a zone in UTC; numbers as numbers, all else as texts."""
    arrow = import_module("pyarrow")
    if arrow.types.is_timestamp(column.type) or arrow.types.is_date(column.type):
        return np.asarray(column.cast(arrow.timestamp("us"), safe=False).to_numpy())
    if arrow.types.is_floating(column.type):
        return np.asarray(column.to_numpy())
    if arrow.types.is_integer(column.type):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    if arrow.types.is_decimal(column.type):
        return np.array([np.nan if cell is None else float(cell) for cell in column.to_pylist()])
    return np.array([as_text(cell).strip() for cell in column.to_pylist()], dtype=object)
