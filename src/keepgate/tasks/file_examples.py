"""FileExamples: what is trained on, of texts that stay in their files, each made when it is asked for."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.item_file import ItemFile
from ..data.lazy_sequence import BLOCK, LazySequence


class FileExamples(LazySequence[Any]):
    """The examples that a task makes of items in training, of each none, one or several.

    lengths: of each. unlearnable: the numbers of the items of which there is none, by the reason. block, sha256: see
    `OnDemand`.
    """

    block = BLOCK

    def __init__(self, task: Any, items: ItemFile[Any]) -> None:
        self.task, self.items, self.sha256 = task, items, items.sha256
        self.unlearnable: dict[str, list[int]] = {}
        lengths, numbers = array("i"), array("i")
        for number, item in enumerate(items):
            of_item, reason = task.lengths(item, items.tokens[number] if items.tokens else None)
            if reason is not None:
                self.unlearnable.setdefault(reason, []).append(number)
            lengths.extend(of_item)
            numbers.extend(number for _ in of_item)
        self.lengths, self._numbers = np.array(lengths), np.array(numbers)
        # The item that was asked for last, whose other examples are often next, and its examples.
        self._last: tuple[int, Sequence[Any]] = (-1, [])

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, place: int) -> Any:
        """The example at a place, made now."""
        number = int(self._numbers[place])
        first = int(np.searchsorted(self._numbers, number))
        last = self._last
        if last[0] != number:
            self._last = last = number, self.task.prepare([self.items[number]], training=True)
        return last[1][place - first]


def unlearnable(task: Any, items: Sequence[Any], examples: Sequence[Any]) -> dict[str, list[int]]:
    """The numbers of the items from which nothing is learnt, by the reason. examples: those from which something is."""
    if isinstance(examples, FileExamples):
        return examples.unlearnable
    numbers: dict[str, list[int]] = {}
    for number, example in enumerate(task.prepare(items, training=False)):
        if (reason := task.unlearnable(example)) is not None:
            numbers.setdefault(reason, []).append(number)
    return numbers
