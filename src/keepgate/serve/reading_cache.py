"""An LRU cache of readings, bounded in bytes: a page asks many things of one story."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from ..data.questions import Question
from ..data.text import sentence_around, tokenize
from ..lens import read
from ..lens.readers import Reading
from ..tasks.choice.reader import joined
from .models import Model

_Key = tuple[object, ...]


class ReadingCache:
    """The most recently used readings, up to `capacity` bytes; at least one is kept."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[_Key, tuple[Reading, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, model: Model, question: Question) -> Reading:
        """The model's reading of a question, cached or read now. Raises as `lens.read` does."""
        return self.kept(
            (model.id, question.text, question.question), lambda: read_normalised(model, question)
        )

    def kept(self, key: _Key, read: Callable[[], Reading]) -> Reading:
        """The reading of this key, cached or read now. Raises as `read` does."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
        # Not under the lock: other requests need not wait. Two readings of one question are alike.
        reading = read()
        with self._lock:
            if key not in self._entries:
                self._entries[key] = reading, size_of(reading)
                self._size += self._entries[key][1]
            while self._size > self._capacity and len(self._entries) > 1:
                _, (_, size) = self._entries.popitem(last=False)
                self._size -= size
        return reading


def read_normalised(model: Model, question: Question) -> Reading:
    """The model's reading of the question in the widths that its vocabulary knows, shown in the words that were typed.

    Raises as `lens.read` does.
    """
    normalised = model.normalise_widths(question)
    reading = read(model.task, model.item(normalised))
    if normalised == question:
        return reading
    tokens = tokenize(question.text)
    if reading.question_start < len(reading.tokens):
        tokens = joined(tokens, tokenize(question.question), len(question.text))
    answer = reading.answer
    if answer.start is not None and answer.end is not None:
        start, end = sentence_around(normalised.text, answer.start, answer.end)
        answer = replace(answer, sentence=question.text[start:end])
    return replace(reading, question=question, tokens=tokens, answer=answer)


def size_of(reading: Reading) -> int:
    """About how many bytes a reading holds: its trace, and as much again as its text takes as Python's objects."""
    trace = sum(
        values.numel() * values.element_size()
        for layer in reading.trace.layers
        for values in layer.over_time.values()
    )
    return trace + 256 * len(reading.tokens) + 8 * len(reading.question.text)
