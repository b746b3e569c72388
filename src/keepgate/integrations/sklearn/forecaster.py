"""TimeSeriesForecaster: the forecaster as a scikit-learn estimator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ...data.corpora.columns import ColumnNames
from ...tasks.forecaster.forecast import Forecast
from ...tasks.forecaster.settings import ForecasterSettings
from .base import TaskEstimator
from .inputs import times_series_from


@dataclass(kw_only=True, eq=False, repr=False)
class TimeSeriesForecaster(TaskEstimator):
    """keepgate's forecaster as a scikit-learn estimator: a row is a time, and a column is what is forecast.

        TimeSeriesForecaster(steps_ahead=24).fit(loads).predict()

    X is an array [steps] or [steps, targets], a pandas Series or DataFrame, or a list of those for several series; NaN
    is a gap. A DataFrame is read as `keepgate train forecaster` reads its CSV, the times from its index or a column;
    `target`, `past`, `known`, `static`, `time_column` and `series_column` name columns, as that command's options do.
    Cross-validate with `TimeSeriesSplit`: other splits tear the series.

    steps_ahead, look_back, season, quantiles, cell, embedding_size, hidden_size, num_layers, dropout: as in
    `ForecasterSettings`; settings: its other fields, by name. The other arguments are those of all estimators
    (`TaskEstimator`). Once fitted: `task_`, the trained `keepgate.tasks.Forecaster`; `series_`, what it was trained on.
    """

    kind: ClassVar[str] = "forecaster"
    reads: ClassVar[Mapping[str, bool]] = {"allow_nan": True}

    steps_ahead: int | None = ForecasterSettings.steps_ahead
    look_back: int | None = ForecasterSettings.look_back
    season: int | None = ForecasterSettings.season
    quantiles: Sequence[float] = ForecasterSettings.quantiles
    cell: str = ForecasterSettings.cell
    embedding_size: int = ForecasterSettings.embedding_size
    hidden_size: int = ForecasterSettings.hidden_size
    num_layers: int = ForecasterSettings.num_layers
    dropout: float = ForecasterSettings.dropout
    target: str | Sequence[str] | None = None
    past: str | Sequence[str] | None = None
    known: str | Sequence[str] | None = None
    static: str | Sequence[str] | None = None
    time_column: str | None = None
    series_column: str | Sequence[str] | None = None

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Trains on every window of the series X. y: not read, as scikit-learn has it.

        Raises SettingsError for a setting that makes no sense and for what are no series, CorpusError as `read_series`
        does and for series that are too short, TrainingStopped for a training that diverges.
        """
        self.series_, self._shape = times_series_from(X, self._columns())
        return self._fit(self.series_)

    def predict(self, X: Any = None) -> NDArray[np.float64]:
        """The steps after each series in the data's own units: [steps ahead, targets], in the order of the columns.

        [steps ahead] of a series [steps], and [series, steps ahead, targets] of several. X: None goes on with what it
        was trained on. Raises as `fit` does, and CorpusError for a series that is too short.
        """
        check_is_fitted(self, "task_")
        items, shape = self._read(X)
        points = np.stack([forecast.point for forecast in self.task_.forecast(items)])
        return {"one": points[0, :, 0], "columns": points[0], "several": points}[shape]

    def forecast(self, X: Any = None) -> list[Forecast]:
        """The same for each series with times and quantiles, as `keepgate.tasks.Forecaster.forecast` gives it."""
        check_is_fitted(self, "task_")
        forecasts: list[Forecast] = self.task_.forecast(self._read(X)[0])
        return forecasts

    def score(self, X: Any, y: Any = None) -> float:  # noqa: ARG002
        """Minus the mean absolute error of every forecast within X, in standard deviations of the training's series.

        Raises SettingsError for series shorter than a window with its steps ahead. y: not read.
        """
        check_is_fitted(self, "task_")
        return self._score(self._read(X)[0], "mae")

    def _read(self, X: Any) -> tuple[Any, str]:
        if X is None:
            return self.series_, self._shape
        return times_series_from(X, ColumnNames.of(self.task_.statistics.columns))

    def _columns(self) -> ColumnNames:
        names = (self.series_column, self.target, self.past, self.known, self.static)
        parts = [(part,) if isinstance(part, str) else tuple(part or ()) for part in names]
        series, targets, past, future, static = parts
        return ColumnNames(
            time=self.time_column, series=series, targets=targets, past=past, known=future, static=static
        )
