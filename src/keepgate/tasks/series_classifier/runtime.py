"""SeriesClassifierRuntime: a classifier of series without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.weight_table import WeightTable
from ...data.labelled_series import LabelledSeries
from ..pooled_runtime import PooledRuntime
from .content import SeriesContent
from .settings import SeriesClassifierSettings


class SeriesClassifierRuntime(PooledRuntime):
    """Series → one of the labels; see `SeriesClassifier`."""

    kind = "series-classifier"
    settings_type = SeriesClassifierSettings
    command = "predict"

    def __init__(
        self, settings: SeriesClassifierSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings, self.content = settings, SeriesContent.of_json(vocabulary)
        self.take_network(table, self.content.labels, len(self.content.features))

    def item(self, text: str, question: str | None = None) -> LabelledSeries:
        """The one series of a table. Raises SettingsError for a question or for several series."""
        return self.content.item(text, question)

    def series_in(self, raw: bytes, path: str, *, series_column: str | None = None) -> list[LabelledSeries]:
        """The series in a file's bytes, to be labelled. Raises CorpusError for no table of numbers, and no .npz."""
        return self.content.read(raw, path, series_column=series_column)

    def inputs_of(self, item: LabelledSeries) -> NDArray[np.floating]:
        """The standardised values. Raises CorpusError for a series without steps or with other features."""
        return self.content.standardised(item)


RUNTIME = SeriesClassifierRuntime
