"""ItemFile: texts that stay in their files, each read when it is asked for."""

import math
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from .lazy_sequence import LazySequence
from .row_file import PIECE, OpenFile
from .tally import Tally

T = TypeVar("T")
# Numbers of a place: of the source, the first byte, the one after the last, and the line.
_PLACE = 4


@dataclass(frozen=True, eq=False)
class Source(Generic[T]):
    """A file of texts. parse: from what stands at a place in it, and its line, to the text as an item. every: all."""

    file: OpenFile
    parse: Callable[[str, int], T]
    every: Callable[[], Iterator[T]]

    def item(self, begin: int, end: int, line: int) -> T:
        """The text between two bytes of the file. Raises BundleError if the file has become shorter."""
        content = self.file.read(end - begin, begin)
        return self.parse(content.decode("utf-8" if begin else "utf-8-sig"), line)


@dataclass(frozen=True, eq=False, kw_only=True)
class ItemFile(LazySequence[T]):
    """Items of files, in order. places: of each, [items, 4], as `places_in` gives them.

    tally: what was counted of all of them. sha256: of the files, which tells the data of one training from others.
    tokens: how many each has, once they were counted; empty before.
    """

    sources: Sequence[Source[T]]
    places: NDArray[np.int64]
    tally: Tally
    sha256: str
    tokens: "array[int]" = field(default_factory=lambda: array("i"))

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[T]:
        """All items, read one after the other. Raises BundleError if the files have changed."""
        number = 0
        for source in self.sources:
            for item in source.every():
                number += 1
                yield item
        if number != len(self):
            names = ", ".join(str(source.file.path) for source in self.sources)
            raise BundleError(f"{names}: changed while it was read; start again")

    def at(self, place: int) -> T:
        """The item at a place, read now. Raises BundleError if a file has become shorter."""
        source, begin, end, line = self.places[place].tolist()
        part: Source[T] = self.sources[source]
        return part.item(begin, end, line)

    def evenly(self, characters: int) -> Iterator[T]:
        """Every n-th item, n so that they have about so many characters together; all where there are no more."""
        step = max(1, math.ceil(sum(self.tally.sizes) / characters))
        return (self[k] for k in range(0, len(self), step))


class FromItems(Generic[T]):
    """What is made of each of some items, anew in each pass over it."""

    def __init__(self, items: ItemFile[Any], make: Callable[[Any], T]) -> None:
        self.items, self.make = items, make

    def __iter__(self) -> Iterator[T]:
        return map(self.make, self.items)

    def evenly(self, characters: int) -> Iterator[T]:
        """What is made of some of the items, as `ItemFile.evenly` takes them."""
        return map(self.make, self.items.evenly(characters))


def each(items: Sequence[Any], make: Callable[[Any], T]) -> Sequence[T] | FromItems[T]:
    """What is made of each item: held, or of items in a file made anew in each pass."""
    return FromItems(items, make) if isinstance(items, ItemFile) else [*map(make, items)]


def places_in(folder: Path, places: Iterable[tuple[int, int, int, int]]) -> NDArray[np.int64]:
    """The places as an array, [items, 4], mapped from a file without a name that is gone when nobody has the array.

    Raises BundleError if the file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            part = array("q")
            for place in places:
                part.extend(place)
                if len(part) >= _PLACE * PIECE:
                    part.tofile(file)
                    part = array("q")
            part.tofile(file)
            file.flush()
            # There is nothing to map in an empty file.
            numbers = np.memmap(file, np.int64, mode="r") if file.tell() else np.zeros(0, np.int64)
    except OSError as fault:
        raise BundleError(
            f"cannot write where the texts lie into {folder}: {fault.strerror or fault}; free some space or choose "
            "another folder"
        ) from fault
    return numbers.reshape(-1, _PLACE)
