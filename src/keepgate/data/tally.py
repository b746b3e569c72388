"""Tally: labels, tags and sizes of items, counted in one pass."""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from .labelled import LabelledText
from .labelled_series import LabelledSeries
from .multilabel import MultilabelText, labels_of
from .questions import Question
from .tagged import TaggedText


@dataclass
class Tally:
    """What is counted of items.

    labels: of items that have one. several: of texts that may have several (`multilabel`). label_counts: how many texts
    have so many labels. multilabel: whether one of them is a `MultilabelText`. tags: of all tokens, of which there are
    `tokens`. sizes: characters of texts, steps of series.
    """

    labels: Counter[str] = field(default_factory=Counter)
    several: Counter[str] = field(default_factory=Counter)
    label_counts: Counter[int] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    multilabel: bool = False
    sizes: "array[int]" = field(default_factory=lambda: array("q"))

    @classmethod
    def of(cls, items: Iterable[Any]) -> Self:
        """That of these items; of those in files, what was counted when they were read."""
        counted: Self | None = getattr(items, "tally", None)
        if counted is not None:
            return counted
        tally = cls()
        for item in items:
            tally.add(item)
        return tally

    def add(self, item: Any) -> None:
        """Counts one more item; of those that are read as a stream, and of series that are forecast, nothing."""
        if isinstance(item, LabelledSeries):
            self.sizes.append(len(item.values))
            self.labels.update(() if item.label is None else (item.label,))
        elif isinstance(item, Question):
            self.sizes.append(len(item.text))
        elif isinstance(item, LabelledText):
            self.sizes.append(len(item.text))
            self._add_labels(item)
            if isinstance(item, TaggedText):
                self.tokens += len(item.tokens)
                self.tags.update(item.tags or ())

    def as_several(self) -> None:
        """Counts texts with one label as some that may have several."""
        self.several, self.labels = self.several + self.labels, Counter()

    def _add_labels(self, item: LabelledText) -> None:
        several, labels = isinstance(item, MultilabelText), labels_of(item)
        self.multilabel |= several
        if labels is not None:
            (self.several if several else self.labels).update(labels)
            self.label_counts[len(labels)] += 1
