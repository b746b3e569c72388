"""MultilabelRuntime: a classifier that gives several labels, without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.functions import sigmoid
from ...arrays.weight_table import WeightTable
from ...data.multilabel import MultilabelText
from ..answer import Answer, check_finite
from ..classifier.runtime import ClassifierRuntime
from .content import answer_from, names_given, text_with_labels
from .settings import MultilabelSettings


class MultilabelRuntime(ClassifierRuntime):
    """Text → those of the labels that it has; see `MultilabelClassifier`."""

    kind = "multilabel-classifier"
    settings_type = MultilabelSettings
    fewest_labels = 1

    def __init__(
        self, settings: MultilabelSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        super().__init__(settings, vocabulary, table)
        self.labels = self.choices
        self.thresholds = table.take("thresholds", len(self.labels))

    def item(self, text: str, question: str | None = None) -> MultilabelText:
        """A text to predict the labels of. Raises SettingsError for a question that is none of the labels."""
        return text_with_labels(text, question, self.labels)

    def labels_given(self, probabilities: Any) -> list[tuple[str, ...]]:
        """The labels that reach their thresholds, of each row. probabilities: [rows, labels]."""
        return [names_given(row, self.labels) for row in np.asarray(probabilities) >= self.thresholds]

    def _shares(self, item: Any) -> NDArray[np.floating]:
        scores = self.scores_from(self.inputs_of(item))
        check_finite(scores)
        return sigmoid(scores)

    def _answer(self, item: Any) -> Answer:
        return answer_from(self._shares(item), self.thresholds, self.labels, getattr(item, "focus", None))


RUNTIME = MultilabelRuntime
