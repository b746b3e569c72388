"""TimeSeriesClassifier: the classifier of series as a scikit-learn estimator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ...data.labelled_series import LabelledSeries
from ...tasks.series_classifier.settings import SeriesClassifierSettings
from .base import TaskEstimator
from .inputs import series_from
from .labels import class_names, normalised, probabilities


@dataclass(kw_only=True, eq=False, repr=False)
class TimeSeriesClassifier(ClassifierMixin, TaskEstimator):
    """keepgate's classifier of series as a scikit-learn estimator.

        TimeSeriesClassifier().fit(series, labels).predict_proba(new_series)

    Series are one array [series, steps, features] or [series, steps], or a list of arrays [steps, features] of any
    lengths. Arguments and what is there once it is fitted are those of `TextClassifier`, with
    `SeriesClassifierSettings` and `keepgate.tasks.SeriesClassifier`.
    """

    kind: ClassVar[str] = "series-classifier"
    reads: ClassVar[Mapping[str, bool]] = {"three_d_array": True}

    cell: str = SeriesClassifierSettings.cell
    hidden_size: int = SeriesClassifierSettings.hidden_size
    num_layers: int = SeriesClassifierSettings.num_layers
    pooling: str = SeriesClassifierSettings.pooling
    dropout: float = SeriesClassifierSettings.dropout

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Trains on series X and their labels y, numbers or strings.

        Raises as `TextClassifier.fit` does, and SettingsError for series that are no finite numbers or have different
        features.
        """
        values = series_from(X)
        self.classes_, names = class_names(y, len(values), "series")
        return self._fit(
            [_labelled(*row) for row in zip(values, names, map(str, range(len(values))), strict=True)]
        )

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each series. Raises as `predict_proba` does."""
        best = self.predict_proba(X).argmax(1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each label, [series, labels], in the order of `classes_`.

        Raises SettingsError for what are no series, CorpusError for other features than those of the training.
        """
        check_is_fitted(self, "task_")
        items = [_labelled(rows, None, str(row)) for row, rows in enumerate(series_from(X))]
        return normalised(probabilities(self.task_, items, self.classes_))


def _labelled(values: NDArray[np.float32], label: str | None, identity: str) -> LabelledSeries:
    names = tuple(map(str, range(1, values.shape[1] + 1)))
    return LabelledSeries(values=values, features=names, label=label, id=identity)
