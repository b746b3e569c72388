"""Rows of files that are too large to be read whole: where they lie, and each read again when it is asked for."""

import hashlib
import io
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...errors import CorpusError
from ..item_file import ItemFile, Source, places_in
from ..row_file import OpenFile
from ..tally import Tally
from .corpus import LeftOut
from .source import opened
from .text_file import PIECE, check_text

R = TypeVar("R")


class PlacedLines(Iterator[str]):
    """The lines of a UTF-8 file. end: the byte after the last that was given; total: the hash of all up to there.

    ends: whether they keep their ends, of which \\r alone is one then, as the csv module wants them. Without, it is one
    in a file that has no \\n.
    """

    def __init__(self, path: Path, *, ends: bool = False) -> None:
        self._ends, self._file = ends, path.open(encoding="utf-8", newline=_newline(path, ends))
        weakref.finalize(self, self._file.close)
        self.end, self.total = 0, hashlib.sha256()

    def __next__(self) -> str:
        line = next(self._file)
        content = line.encode()
        self.total.update(content)
        begins, self.end = self.end == 0, self.end + len(content)
        line = line if self._ends else _bare(line)
        return line.removeprefix("\ufeff") if begins else line


def _newline(path: Path, ends: bool) -> str:
    """What ends the lines, as open takes it."""
    if ends:
        return ""
    with path.open("rb") as file:
        return "\n" if any(b"\n" in piece for piece in iter(partial(file.read, PIECE), b"")) else "\r"


def _bare(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def first_line(path: Path) -> str:
    """The first line of a file that is not blank. Raises CorpusError where the file is no UTF-8, or empty."""
    with opened(path):
        check_text(path)
    line = next((line for line in PlacedLines(path, ends=True) if line.strip()), None)
    if line is None:
        raise CorpusError(f"{path} is empty")
    return line.rstrip("\r\n")


@dataclass(frozen=True, kw_only=True)
class Rows(Generic[R]):
    """The rows of one file.

    parse: from lines to the rows in them, each with the number of its line, of no more lines than the row has. item:
    from a row and its line to an item, or why it is left out. ends: see `PlacedLines`. head: what stands before the
    rows and tells how they are read, in so many bytes.
    """

    path: Path
    parse: Callable[[Iterable[str]], Iterator[tuple[int, R]]]
    item: Callable[[int, R], Any]
    ends: bool = False
    head: str = ""
    head_size: int = 0

    def items(self) -> Iterator[Any]:
        """The item of each row that is not left out."""
        lines = PlacedLines(self.path, ends=self.ends)
        items = (self.item(line, row) for line, row in self.parse(lines))
        return (item for item in items if not isinstance(item, LeftOut))

    @cached_property
    def _newline(self) -> str:
        return _newline(self.path, self.ends)

    def again(self, content: str, line: int) -> Any:
        """The item of the row that is all of this content."""
        lines = io.StringIO(self.head + content, newline=self._newline)
        _, row = next(self.parse(lines if self.ends else map(_bare, lines)))
        return self.item(line, row)


def items_in_files(files: Sequence[Rows[Any]], folder: Path, left_out: list[LeftOut]) -> ItemFile[Any]:
    """The items of these files, which stay there. folder: where it is kept where they lie.

    Raises BundleError for a folder that cannot be written, and as the rows do.
    """
    tally, total = Tally(), hashlib.sha256()

    def places() -> Iterator[tuple[int, int, int, int]]:
        for number, rows in enumerate(files):
            lines, begin = PlacedLines(rows.path, ends=rows.ends), rows.head_size
            for line, row in rows.parse(lines):
                item = rows.item(line, row)
                if isinstance(item, LeftOut):
                    left_out.append(item)
                else:
                    tally.add(item)
                    yield number, begin, lines.end, line
                begin = lines.end
            total.update(lines.total.digest())

    where = places_in(folder, places())
    sources = [
        Source(OpenFile(rows.path, os.open(rows.path, os.O_RDONLY)), rows.again, rows.items) for rows in files
    ]
    return ItemFile(sources=sources, places=where, tally=tally, sha256=total.hexdigest())
