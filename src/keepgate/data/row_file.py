"""RowFile: rows of numbers in a file, of which only what is asked for is in memory."""

import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import BundleError, CorpusError

# Rows of a piece, of which some copies are in memory at once.
PIECE = 1 << 16
NPY = b"\x93NUMPY"


class OpenFile:
    """A file that stays open until nobody reads it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        weakref.finalize(self, os.close, self.descriptor)

    def read(self, size: int, offset: int) -> bytes:
        content = os.pread(self.descriptor, size, offset)
        while len(content) < size and (
            more := os.pread(self.descriptor, size - len(content), offset + len(content))
        ):
            content += more
        if len(content) < size:
            raise BundleError(f"{self.path} has become shorter while it was read; start again")
        return content


@dataclass(frozen=True, eq=False, kw_only=True)
class RowFile:
    """Rows of numbers, [rows, columns]. A slice of it is one too; np.asarray reads it, as float64.

    Read and not mapped: what was read of a mapping counts as this process's memory.
    dtype, width, offset: as the numbers stand in the file, from which byte on. begin, end: of the rows. places: of the
    columns among those of the file.
    """

    file: OpenFile
    dtype: np.dtype[Any]
    width: int
    offset: int
    begin: int
    end: int
    places: tuple[int, ...]

    @classmethod
    def npy(cls, path: Path) -> Self:
        """The array of a .npy file, [rows] or [rows, columns]. Raises CorpusError for one of another form."""
        try:
            with path.open("rb") as file:
                version = np.lib.format.read_magic(file)
                header = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else np.lib.format.read_array_header_2_0
                )
                shape, by_columns, dtype = header(file)
                offset, size = file.tell(), os.fstat(file.fileno()).st_size
        except Exception as fault:
            # NumPy reads the header with Python's parser, whose own errors it lets through.
            raise CorpusError(f"{path}: this .npy file cannot be read: {fault}") from None
        if (
            len(shape) not in (1, 2)
            or min(shape) < 0
            or dtype.kind not in "fiub"
            or (by_columns and len(shape) == 2)
        ):
            order = ", column by column" if by_columns else ""
            raise CorpusError(
                f"{path}: its array is {dtype} of shape {list(shape)}{order}; numbers belong there, [steps] or [steps, "
                "series], row by row (numpy.ascontiguousarray)"
            )
        rows, width = (*shape, 1)[:2]
        if size - offset < rows * width * dtype.itemsize:
            raise CorpusError(
                f"{path}: it ends before its {rows:,} rows do; it was probably cut off, get it again"
            )
        return cls(
            file=OpenFile(path, os.open(path, os.O_RDONLY)), dtype=dtype, width=width, offset=offset, begin=0,
            end=rows, places=tuple(range(width)),
        )  # fmt: skip

    @classmethod
    def write(cls, path: Path, pieces: Iterable[NDArray[np.float64]], width: int) -> Self:
        """A file of all these pieces, [rows, width] each, in order, which has no name and is gone when nobody reads it.

        Raises BundleError if it cannot be written.
        """
        rows = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent) as file:
                for piece in pieces:
                    file.write(np.ascontiguousarray(piece, dtype=np.float64).tobytes())
                    rows += len(piece)
                file.flush()
                opened = OpenFile(path, os.dup(file.fileno()))
        except OSError as fault:
            raise BundleError(
                f"cannot write the series {path}: {fault.strerror or fault}; free some space or choose another folder"
            ) from fault
        return cls(
            file=opened, dtype=np.dtype(np.float64), width=width, offset=0, begin=0, end=rows,
            places=tuple(range(width)),
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.places)

    def __len__(self) -> int:
        return self.end - self.begin

    def __getitem__(self, part: slice) -> Self:
        """Some of the rows, without steps, still in their file."""
        start, stop, _ = part.indices(len(self))
        return replace(self, begin=self.begin + start, end=self.begin + max(start, stop))

    def columns(self, places: Iterable[int]) -> Self:
        """Some of the columns, by their places, still in their file."""
        return replace(self, places=tuple(self.places[place] for place in places))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """The rows, read now. Raises BundleError if the file has become shorter."""
        if not self.places:
            return np.zeros(self.shape, dtype or np.float64)
        size = self.width * self.dtype.itemsize
        content = self.file.read(len(self) * size, self.offset + self.begin * size)
        rows = np.frombuffer(content, self.dtype).reshape(len(self), self.width)
        return rows[:, list(self.places)].astype(dtype or np.float64)

    def pieces(self) -> Iterator[NDArray[np.float64]]:
        """The rows piece by piece."""
        for start in range(0, len(self), PIECE):
            yield np.asarray(self[start : start + PIECE])

    @cached_property
    def sha256(self) -> str:
        """Of the numbers, which tells the data of one training from those of another."""
        total = hashlib.sha256()
        for piece in self.pieces():
            total.update(piece.tobytes())
        return total.hexdigest()

    @cached_property
    def first_known(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of each column the first row with a value, and that value; the number of rows and 0 where there is none."""
        steps, values = np.full(len(self.places), len(self)), np.zeros(len(self.places))
        for start in range(0, len(self), PIECE):
            piece = np.asarray(self[start : start + PIECE])
            present = np.isfinite(piece)
            new = (steps == len(self)) & present.any(0)
            row = present.argmax(0)
            steps[new], values[new] = start + row[new], piece[row, np.arange(len(row))][new]
            if (steps < len(self)).all():
                break
        return steps, values


def last_known(rows: RowFile) -> int:
    """How many rows there are up to the last that has a value; 0 if none has one."""
    for start in reversed(range(0, len(rows), PIECE)):
        present = np.flatnonzero(np.isfinite(np.asarray(rows[start : start + PIECE])).any(1))
        if len(present):
            return start + int(present[-1]) + 1
    return 0
