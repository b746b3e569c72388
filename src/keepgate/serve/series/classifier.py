"""SeriesClassifierModel: a series classifier on the page: a whole series, its label, and what the label rests on."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...data.corpora.source import read_bytes
from ...data.labelled_series import LabelledSeries
from ...lens.readers import Reading, hierarchical_search, span_effects
from ...tasks.series_classifier.classifier import SeriesClassifier
from ..serialize import JsonObject, ablations_of, answer_summary, choice_count, rounded
from .model import SeriesModel
from .request_models import WindowRequest

# Pieces of a series that are left out whole.
PIECES = 8
_TABLE = "the table"


class SeriesClassifierModel(SeriesModel):
    """A series classifier, which reads all of a series."""

    task: SeriesClassifier

    def in_table(self, table: str) -> Sequence[LabelledSeries]:
        """The series in a table; the only one of a table without a column for them has no name."""
        return [_named(item) for item in self.task.series_in(table.encode(), _TABLE)]

    def in_file(self, path: Path) -> Sequence[LabelledSeries]:
        """The series in a file."""
        return self.task.series_in(read_bytes(path), str(path))

    def window(self, item: LabelledSeries, body: WindowRequest) -> LabelledSeries:  # noqa: ARG002
        """All of it."""
        return item

    def length(self, item: LabelledSeries) -> int:
        """Steps of the series."""
        return len(item.values)

    @property
    def look_back(self) -> None:
        """None: it reads all of a series."""
        return

    def facts(self) -> JsonObject:
        """The features that it reads."""
        return {"targets": [], "columns": list(self.task.content.features), "ahead": None}

    def drawn(self, reading: Reading, series: LabelledSeries) -> JsonObject:
        """The steps' numbers and values, and the label that is right, where the table has it."""
        steps, features = series.values.shape
        values = series.values.astype(np.float64)
        return {
            "times": list(reading.tokens.texts),
            "cells": list(range(steps)),
            "rows": [
                {
                    "name": series.features[k],
                    "values": [float(f"{value:.6g}") for value in values[:, k].tolist()],
                }
                for k in range(features)
            ],
            "end": steps,
            "forecast": None,
            "expected": series.label,
        }

    def rests_on(self, reading: Reading) -> JsonObject:
        """The label without each step, and without each eighth of the series, which are deleted from it."""
        _, effects = hierarchical_search(reading, max_ablations=ablations_of(reading))
        choices, steps = choice_count(reading), len(reading.tokens)
        drops: list[float | None] = [None] * steps
        for effect in effects:
            drops[effect.step] = rounded(effect.probability_drop)
        size = math.ceil(steps / PIECES)
        pieces = [(start, min(start + size, steps)) for start in range(0, steps, size)]
        return {
            "drops": drops,
            "steps": [
                {"from": effect.step, "to": effect.step + 1, "share": rounded(effect.probability_drop),
                 "without": answer_summary(effect.without, choices)}
                for effect in effects[:PIECES]
            ],
            "pieces": [
                {"from": piece.start, "to": piece.end, "share": rounded(piece.probability_drop),
                 "without": answer_summary(piece.without, choices)}
                for piece in span_effects(reading, pieces if len(pieces) > 1 else [])
            ],
        }  # fmt: skip


def _named(item: LabelledSeries) -> LabelledSeries:
    return replace(item, id="") if item.id == _TABLE else item
