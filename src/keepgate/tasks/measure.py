"""Metrics of a task: their name, unit and direction, the score of each item, bootstrap intervals and baselines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
# Resamplings of the items; with 1,000 the ends of the interval are steady to a tenth of its width.
RESAMPLINGS = 1000


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measure. name: its key in JSON; title: what a person calls it; unit: "share" (0 to 1), or in words."""

    name: str
    title: str
    unit: str = "share"
    higher_is_better: bool = True


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The scores of a task on some items.

    records: of each item, what was predicted and how it scored, as plain values for JSON, in order.
    scores: of each metric by name, its value over any selection of the items, numbered from 0.
    baselines: what needs no model, in words ("always good"), and the value of each metric that it has.
    confusion: of a classification, how often each label (row) was predicted as each (column).
    by_label: where an item may have several labels, figures of each by name; NaN for one that has no value.
    """

    records: Sequence[Mapping[str, Any]]
    scores: Mapping[str, Callable[[Rows], float]]
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    confusion: tuple[tuple[str, ...], NDArray[np.int64]] | None = None
    by_label: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Every metric over all items, by name."""
        rows = np.arange(len(self.records))
        return {name: float(score(rows)) for name, score in self.scores.items()}

    def interval(self, name: str, *, seed: int = 0) -> tuple[float, float]:
        """From 2.5 to 97.5 % of the metric's values when the items are drawn again with replacement (bootstrap).

        Drawings in which no item has the metric are left out; NaN if none is left.
        """
        rng = np.random.default_rng(seed)
        count = len(self.records)
        values = [self.scores[name](rng.integers(count, size=count)) for _ in range(RESAMPLINGS)]
        values = [value for value in values if value == value] or [np.nan]
        low, high = np.percentile(values, [2.5, 97.5])
        return float(low), float(high)


@runtime_checkable
class Measured(Protocol):
    """What `keepgate evaluate` and the dev set of a training need."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of `measure`, the first of which judges a training."""

    def measure(
        self, items: Sequence[Any], *, batch_size: int = 64, on_progress: Callable[[int], None] | None = None
    ) -> Measurement:
        """The items predicted and scored, without dropout or gradients; the mode stays as it was.

        on_progress: is told how many items are done. Raises SettingsError if there are no items.
        """
