"""LazySequence: a sequence whose items are made when they are asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T = TypeVar("T")
# Of what stays in files, neighbours that are read one after the other, and stay together when it is shuffled.
BLOCK = 1024


class LazySequence(Sequence[T]):
    """A sequence by its length and `at`: indices count from the end too, and a slice is a list."""

    @abstractmethod
    def at(self, place: int) -> T:
        """The item at a place from 0 on and below the length."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        places = range(len(self))[index]
        return self.at(places) if isinstance(places, int) else [self.at(place) for place in places]
