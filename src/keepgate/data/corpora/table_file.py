"""TableFile: a table whose rows stay in their file."""

import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .placed_lines import PlacedLines, Rows, first_line
from .source import opened
from .table import columns_in, delimiter_of, form_of, header_of, no_table, rows_of


class TableFile:
    """A table of CSV, TSV or JSON lines that is too large to be read whole.

    columns: their names, of JSON lines in any row.
    Raises CorpusError as `read_rows`, of CSV and TSV where the rows are read.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._first = path, first_line(path)
        self.format = form_of(self._first)
        self._ends, self._head_size = self.format != "json lines", 0
        lines = PlacedLines(path, ends=self._ends)
        if self._ends:
            self._read_header(lines)
        else:
            self.columns = columns_in(rows_of(lines, self._first, str(path)))
        with opened(path) as file:
            self._head = file.read(self._head_size).decode("utf-8-sig")

    def _read_header(self, lines: PlacedLines) -> None:
        reader = csv.reader(lines, delimiter=delimiter_of(self._first), strict=True)
        try:
            headers = (header_of(fields, str(self.path)) for fields in reader)
            self.columns = next(filter(None, headers), [])
        except csv.Error as fault:
            raise no_table(str(self.path), 1, fault) from None
        self._head_size = lines.end

    def rows(self, item: Callable[[int, Mapping[str, object]], Any]) -> Rows[Mapping[str, object]]:
        """The rows as items. item: see `Rows`."""
        return Rows(
            path=self.path, parse=partial(rows_of, first=self._first, path=str(self.path)), item=item,
            ends=self._ends, head=self._head, head_size=self._head_size,
        )  # fmt: skip
