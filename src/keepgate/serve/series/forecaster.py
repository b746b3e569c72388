"""ForecasterModel: a forecaster on the page: a window, the steps after it, and what one number of them rests on."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...data.corpora.columns import ColumnNames
from ...data.corpora.series import read_series_like, series_in
from ...data.series import Series
from ...lens import explain
from ...lens.attribution import ModelExplanation
from ...lens.readers import Reading
from ...tasks.answer import Answer
from ...tasks.forecaster.focus import segment_starts
from ...tasks.forecaster.forecaster import Forecaster
from ..limits import bad_request
from ..serialize import JsonObject, rounded
from .model import SeriesModel
from .request_models import WindowRequest


class ForecasterModel(SeriesModel):
    """A forecaster: it reads the last steps of a window that may end anywhere in the series."""

    task: Forecaster

    def in_table(self, table: str) -> Sequence[Series]:
        """The series in a table, in the columns that the model was trained on."""
        return series_in(table, ColumnNames.of(self.task.statistics.columns), "the table")

    def in_file(self, path: Path) -> Sequence[Series]:
        """The series in a file, in the columns that the model was trained on."""
        return read_series_like(path, self.task.statistics.columns).items

    def window(self, item: Series, body: WindowRequest) -> Series:
        """The series up to where the window ends, with the number that is explained."""
        targets = self.task.statistics.columns.targets
        if body.target >= len(targets):
            raise bad_request(f"target is {body.target}; the model forecasts {len(targets)}, counted from 0")
        if body.ahead > self.task.ahead:
            raise bad_request(
                f"ahead is {body.ahead}; the model forecasts 1 to {self.task.ahead} steps ahead"
            )
        end = len(item) if body.end is None else body.end
        if body.end is not None and not self.task.look_back <= end <= len(item):
            raise bad_request(
                f"end is {end}; the model reads {self.task.look_back:,} steps, and {item.name} has {len(item):,}, so "
                f"that a window ends at {self.task.look_back:,} to {len(item):,}"
            )
        return replace(item.up_to(end, known=len(item.known)), focus=(body.target, body.ahead))

    def length(self, item: Series) -> int:
        """Steps of the series."""
        return len(item)

    @property
    def look_back(self) -> int:
        """The look-back."""
        return self.task.look_back

    def facts(self) -> JsonObject:
        """Columns, and steps that are read and forecast."""
        columns = self.task.statistics.columns
        return {
            "targets": list(columns.targets),
            "columns": [
                name
                for part in (
                    columns.series,
                    (columns.time,),
                    columns.targets,
                    columns.past,
                    columns.known,
                    columns.static,
                )
                for name in part
                if name is not None
            ],
            "ahead": self.task.ahead,
        }

    def drawn(self, reading: Reading, series: Series) -> JsonObject:
        """The window's times, values and segments, and the forecast with what came, where the series goes on."""
        item = reading.question
        assert isinstance(item, Series)
        assert item.focus is not None
        target, step = item.focus
        end, first = len(item), len(item) - self.task.look_back
        columns, covariates = item.columns, np.asarray(item.known[first : end + self.task.ahead])
        (forecast,) = self.task.forecast([item])
        low, high = (
            (forecast.quantiles[level][:, target] for level in forecast.interval)
            if forecast.interval
            else (np.full(self.task.ahead, np.nan),) * 2
        )
        came = np.full(self.task.ahead, np.nan)
        later = np.asarray(series.targets[end : end + self.task.ahead])[:, target]
        came[: len(later)] = later
        rows = [
            (columns.targets[target], np.asarray(item.targets[first:])[:, target]),
            *((name, np.asarray(item.past[first:])[:, k]) for k, name in enumerate(columns.past)),
            *((name, covariates[:, k]) for k, name in enumerate(columns.known)),
        ]
        return {
            "times": item.times(np.arange(first, end)),
            "cells": (segment_starts(first, end - first, self.task.segment) - first).tolist(),
            "rows": [{"name": name, "values": _numbers(values)} for name, values in rows],
            "end": end,
            "forecast": {
                "times": list(forecast.times),
                "point": _numbers(forecast.point[:, target]),
                "low": _numbers(low),
                "high": _numbers(high),
                "share": None
                if forecast.interval is None
                else rounded(forecast.interval[1] - forecast.interval[0]),
                "came": _numbers(came),
                "ahead": step,
            },
            "expected": None,
        }

    def rests_on(self, reading: Reading) -> JsonObject:
        """The change of the number without each step's values, the shares by step and feature, and the look-back."""
        explanation = explain(self.task, reading.question)
        assert isinstance(explanation, ModelExplanation)
        assert explanation.number is not None
        changes: list[float | None] = [None] * len(explanation.tokens)
        for effect in explanation.token_effects:
            changes[effect.step] = rounded(effect.change or 0.0)
        shares, back = explanation.shares, explanation.look_back
        return {
            "number": rounded(explanation.number),
            "changes": changes,
            "shares": shares
            and {
                "kind": shares.kind,
                "features": list(shares.features),
                "values": [[rounded(value) for value in row] for row in shares.values.T.tolist()],
                "baseline": rounded(shares.baseline),
                "complete": shares.complete,
            },
            "look_back": back and {"steps": back.steps, "of": back.contexts[-1]},
        }

    def before_changes(self, reading: Reading) -> Answer:
        """The number itself, where the reading's answer is its interval."""
        (answer,) = reading.head.answers(reading.trace.output)
        return answer


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    """Values in six significant digits, as a chart reads them; None for a gap."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]
