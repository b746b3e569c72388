"""ForecasterRuntime: a forecaster without torch."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.encoder import encoder_layer
from ...arrays.functions import gelu, linear, quiet, relu
from ...arrays.weight_table import WeightTable
from ...data.series import Series
from ..answer import Answer, check_finite
from ..runtime_task import RuntimeTask
from .forecasts import Forecasts
from .settings import LEAST_VARIANCE, ForecasterSettings
from .vocabulary import statistics_from
from .windows import Window

Array = NDArray[Any]


class ForecasterRuntime(Forecasts, RuntimeTask):
    """Series → the steps after them; see `Forecaster`."""

    kind = "forecaster"
    settings_type = ForecasterSettings
    command = "forecast"

    def __init__(
        self, settings: ForecasterSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.describe(*statistics_from(vocabulary), settings)
        columns, size = self.statistics.columns, settings.hidden_size
        covariates = len(columns.past) + len(columns.known)
        encoder = table.within("encoder")
        features = self.segment * (1 + covariates)
        self.segments = encoder.within("inputs").take_linear("linear", features, settings.embedding_size)
        self.layer = encoder_layer(
            encoder, settings.cell, input_size=settings.embedding_size, hidden_size=size,
            num_layers=settings.num_layers,
        )  # fmt: skip
        texts = [len(names) + 1 for names in self.statistics.categories if names is not None]
        decoder, numbers = table.within("decoder"), len(columns.static) - len(texts)
        self.state = decoder.take_linear("state", size, size)
        self.place = decoder.take("place", math.ceil(self.ahead / self.segment), size)
        self.target = decoder.take("target.weight", len(columns.targets), size)
        future_size = self.segment * len(columns.known)
        self.known = decoder.take("known.weight", size, future_size) if future_size else None
        self.numbers = decoder.take("numbers.weight", size, numbers) if numbers else None
        self.categories = [
            decoder.take(f"categories.{k}.weight", count, size) for k, count in enumerate(texts)
        ]
        self.levels = 1 + len(settings.quantiles)
        self.out = decoder.take_linear("out", size, self.segment * self.levels)

    def predict(self, items: Iterable[Any], *, batch_size: int | None = None) -> list[Answer]:
        """The first step after each series, of its first target: its interval. `forecast` gives all of it."""
        return Forecasts.predict(self, self.items(items), batch_size=batch_size or 64)

    def outputs(self, windows: Sequence[Window], batch_size: int) -> NDArray[np.float64]:
        """The forecasts of windows, [ahead, windows, targets, outputs], standardised. BundleError if not finite."""
        shape = self.ahead, 0, len(self.target), self.levels
        parts = [np.zeros(shape)]
        for start in range(0, len(windows), batch_size):
            with quiet():
                outputs = self._outputs(windows[start : start + batch_size])
            check_finite(outputs)
            parts.append(outputs.astype(np.float64))
        return np.concatenate(parts, 1)

    def _outputs(self, windows: Sequence[Window]) -> Array:
        values = np.stack([window.values for window in windows], 1)
        covariates = np.stack([window.covariates for window in windows], 1)
        level, size = values[-1], np.ones_like(values[-1])
        if self.settings.scaling == "standard":
            level, size = values.mean(0), np.sqrt(values.var(0) + np.float32(LEAST_VARIANCE))
        steps, batch, targets = values.shape
        repeated = np.broadcast_to(covariates[:, :, None], (steps, batch, targets, covariates.shape[2]))
        x = np.concatenate([((values - level) / size)[..., None], repeated], 3)
        states = self.layer(self._embedded(x.reshape(steps, batch * targets, -1)))[0]
        decoded = self._decoded(states[-1], windows)
        return decoded * size[..., None] + level[..., None]

    def _embedded(self, x: Array) -> Array:
        """The steps [time, rows, features] in segments: [segments, rows, size]."""
        lacking = -len(x) % self.segment
        x = np.concatenate([np.repeat(x[:1], lacking, 0), x])
        segments = x.reshape(-1, self.segment, *x.shape[1:]).swapaxes(1, 2)
        return relu(linear(segments.reshape(*segments.shape[:2], -1), *self.segments))

    def _decoded(self, state: Array, windows: Sequence[Window]) -> Array:
        """[ahead, windows, targets, outputs], in units of each window."""
        item = np.zeros((len(windows), 1), state.dtype)
        if self.numbers is not None:
            item = item + linear(np.stack([window.numbers for window in windows]), self.numbers)
        for place, embedding in enumerate(self.categories):
            item = item + embedding[[window.categories[place] for window in windows]]
        units = linear(state, *self.state).reshape(len(windows), len(self.target), -1) + self.target
        units = (units + item[:, None])[:, :, None] + self.place
        if self.known is not None:
            ahead = np.stack([window.ahead for window in windows])
            lacking = -self.ahead % self.segment
            ahead = np.concatenate([ahead, np.repeat(ahead[:, -1:], lacking, 1)], 1)
            parts = ahead.reshape(len(windows), len(self.place), -1)
            units = units + linear(parts, self.known)[:, None]
        steps = linear(gelu(units), *self.out).reshape(*units.shape[:2], -1, self.levels)
        return np.moveaxis(steps[:, :, : self.ahead], 2, 0)

    def _answer(self, item: Series) -> Answer:
        return self.predict([item])[0]


RUNTIME = ForecasterRuntime
