"""Readings, kept to be asked again: a page asks many things of one story."""

import threading
from collections import OrderedDict
from dataclasses import replace

from ..data.questions import Question
from ..data.text import sentence_around, tokenize
from ..lens import read
from ..lens.readers import Reading
from ..tasks.choice.reader import joined
from .models import Model

_Key = tuple[str, str, str]


class Readings:
    """The last readings, up to so many bytes of memory; at least one is kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[_Key, tuple[Reading, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, model: Model, question: Question) -> Reading:
        """How a model reads a question: as before, if it did, else now. Raises as `lens.read` does."""
        key = (model.id, question.text, question.question)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        # Not under the lock: another request need not wait for this one. Two alike come to the same.
        found = read_by(model, question)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found, size_of(found)
                self._size += self._kept[key][1]
            while self._size > self._most and len(self._kept) > 1:
                _, (_, size) = self._kept.popitem(last=False)
                self._size -= size
        return found


def read_by(model: Model, question: Question) -> Reading:
    """How a model reads a question: signs in the width that it knows, and told in the words that were typed.

    Raises as `lens.read` does.
    """
    spelt = model.spelt(question)
    found = read(model.task, spelt)
    if spelt == question:
        return found
    tokens = tokenize(question.text)
    if found.asked_from < len(found.tokens):
        tokens = joined(tokens, tokenize(question.question), len(question.text))
    answer = found.answer
    if answer.start is not None and answer.end is not None:
        start, end = sentence_around(spelt.text, answer.start, answer.end)
        answer = replace(answer, sentence=question.text[start:end])
    return replace(found, question=question, tokens=tokens, answer=answer)


def size_of(reading: Reading) -> int:
    """About how many bytes a reading holds: its trace, and as much again as its text takes as Python's objects."""
    trace = sum(
        values.numel() * values.element_size()
        for layer in reading.trace.layers
        for values in layer.over_time.values()
    )
    return trace + 256 * len(reading.tokens) + 8 * len(reading.question.text)
