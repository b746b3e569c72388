"""SeriesClassifierRuntime: a classifier of series without torch."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.encoder import encoder_layer, states_of
from ...arrays.functions import linear, quiet, softmax
from ...arrays.pooling import Pooling
from ...arrays.weight_table import WeightTable
from ...data.labelled_series import LabelledSeries
from ..answer import Answer, candidates_of, check_finite
from ..runtime_task import RuntimeTask
from .content import SeriesContent
from .settings import SeriesClassifierSettings


class SeriesClassifierRuntime(RuntimeTask):
    """Series → one of the labels; see `SeriesClassifier`."""

    kind = "series-classifier"
    settings_type = SeriesClassifierSettings
    command = "predict"

    def __init__(
        self, settings: SeriesClassifierSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings, self.content = settings, SeriesContent.of_json(vocabulary)
        self.choices = tuple(self.content.labels)
        self.layer = encoder_layer(
            table.within("encoder"), settings.cell, input_size=len(self.content.features),
            hidden_size=settings.hidden_size, num_layers=settings.num_layers, bidirectional=settings.bidirectional,
        )  # fmt: skip
        self.pooling = Pooling(
            table.within("pooling"), settings.pooling, self.layer.output_size, self.layer.directions
        )
        self.readout = table.take_linear("readout", self.pooling.output_size, len(self.choices))

    def item(self, text: str, question: str | None = None) -> LabelledSeries:
        """The one series of a table. Raises SettingsError for a question or for several series."""
        return self.content.item(text, question)

    def series_in(self, raw: bytes, path: str) -> list[LabelledSeries]:
        """The series in a file's bytes, to be labelled. Raises CorpusError for no table of numbers, and no .npz."""
        return self.content.read(raw, path)

    def probabilities(
        self,
        items: Iterable[Any],
        *,
        batch_size: int | None = None,  # noqa: ARG002
    ) -> NDArray[np.floating]:
        """[items, labels]. Raises CorpusError for a series without steps or with other features."""
        with quiet():
            shares = [self._shares(item) for item in self.items(items)]
        return np.stack(shares) if shares else np.empty((0, len(self.choices)), np.float32)

    def _shares(self, item: LabelledSeries) -> NDArray[np.floating]:
        states = states_of(self.layer, self.content.standardised(item))
        scores = linear(self.pooling(states), *self.readout)
        check_finite(scores)
        return softmax(scores, 0)

    def _answer(self, item: LabelledSeries) -> Answer:
        (candidates,) = candidates_of(self._shares(item)[None], self.choices)
        return Answer(*candidates[0], candidates=candidates)


RUNTIME = SeriesClassifierRuntime
