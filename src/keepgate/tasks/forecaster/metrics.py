"""Back-testing: squared, absolute, scaled and symmetric errors, pinball loss and coverage, beside naive forecasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.row_file import PIECE, RowFile
from ..measure import Measurement, Metric, Rows
from .windows import Prepared

Errors = NDArray[np.float64]

POINT_METRICS = (
    Metric(name="mse", title="MSE", unit="standardised", higher_is_better=False),
    Metric(name="mae", title="MAE", unit="standardised", higher_is_better=False),
    Metric(name="mase", title="MASE", unit="", higher_is_better=False),
    Metric(name="smape", title="sMAPE", higher_is_better=False),
)
PINBALL = Metric(name="pinball", title="pinball loss", unit="standardised", higher_is_better=False)

# Below this share of a target's range a mean naive error is float64's rounding, unless the errors add up to more than
# half the range, as a slow counter's do. A float32 file's rounding (6e-8 of a value) is recognised only where values
# are hardly larger than their range.
EXACT = 1e-6


def coverage_metric(levels: Sequence[float]) -> Metric:
    """The share of values inside the interval of the outermost two levels."""
    return Metric(name="coverage", title=f"coverage of the {100 * (levels[-1] - levels[0]):g}% interval")


def naive_scale(part: Prepared, first: int, season: int) -> Errors:
    """Of each target, the mean error of the seasonal naive forecast before `first`: what MASE is measured in.

    Without a season before it, that of the last value; NaN where nothing changes by more than rounding (`EXACT`).
    Source: Hyndman & Koehler (2006).
    """
    history = part.series.targets[:first]
    lag = season if season < len(history) else 1
    size = PIECE if isinstance(history, RowFile) else max(1, len(history))
    sums, counts, lowest, highest = np.zeros((4, history.shape[1]))
    lowest += np.inf
    highest -= np.inf
    for start in range(0, len(history) - lag, size):
        values = np.asarray(history[start : start + size + lag])
        steps = np.abs(values[lag:] - values[:-lag])
        present = np.isfinite(steps)
        sums, counts = sums + np.where(present, steps, 0.0).sum(0), counts + present.sum(0)
        lowest = np.fmin(lowest, np.fmin.reduce(values))
        highest = np.fmax(highest, np.fmax.reduce(values))
    scale, spread = sums / np.maximum(counts, 1), highest - lowest
    return np.where((sums > 0) & ((scale > EXACT * spread) | (2 * sums > spread)), scale, np.nan)


def point_sums(forecast: Errors, right: Errors, part: Prepared, scale: Errors) -> dict[str, Errors]:
    """What the point metrics are sums of, for each window: its errors, and how many there are.

    forecast, right: [ahead, windows, targets], standardised; NaN where no value is known. scale: see `naive_scale`.
    """
    error = np.abs(forecast - right)
    predictions, actuals = part.restored(forecast), part.restored(right)
    sizes = np.abs(predictions) + np.abs(actuals)
    symmetric = np.where(sizes > 0, 2 * np.abs(predictions - actuals) / np.where(sizes > 0, sizes, 1.0), 0.0)
    scaled = error * part.deviations / scale
    return {
        "mse": _summed(error**2),
        "mae": _summed(error),
        "mase": _summed(scaled),
        "smape": _summed(np.where(np.isfinite(error), symmetric, np.nan)),
        "count": np.isfinite(error).sum((0, 2)).astype(np.float64),
        "mase_count": np.isfinite(scaled).sum((0, 2)).astype(np.float64),
    }


def quantile_sums(quantiles: Errors, right: Errors, levels: Sequence[float]) -> dict[str, Errors]:
    """Of each window, its pinball losses, the mean of all levels, and how many values are in the interval.

    quantiles: [levels, ahead, windows, targets].
    """
    above = right - quantiles
    shares = np.array(levels)[:, None, None, None]
    inside = (quantiles[0] <= right) & (right <= quantiles[-1])
    return {
        "pinball": _summed(np.maximum(shares * above, (shares - 1) * above).mean(0)),
        "coverage": inside.sum((0, 2)).astype(np.float64),
    }


@dataclass
class Scores:
    """Sums of the errors of the windows in blocks, of a model or a naive forecast, as they come."""

    sums: list[dict[str, float]] = field(default_factory=list)

    def add(self, sums: Mapping[str, Errors], blocks: NDArray[np.int64]) -> None:
        """Takes in the sums of windows; blocks: of each window its block, ascending from 0."""
        for block in range(int(blocks.max(initial=-1)) + 1):
            chosen = blocks == block
            self.sums.append({name: float(values[chosen].sum()) for name, values in sums.items()})

    def value(self, name: str, rows: Rows | slice = slice(None)) -> float:
        """A metric over some blocks; NaN where it has nothing to be measured on."""
        chosen = np.arange(len(self.sums))[rows].tolist()
        count = sum(self.sums[row]["mase_count" if name == "mase" else "count"] for row in chosen)
        return sum(self.sums[row][name] for row in chosen) / count if count else float("nan")


def measurement_of(
    records: Sequence[Mapping[str, Any]],
    model: Scores,
    naive: Mapping[str, Scores],
    metrics: Sequence[Metric],
) -> Measurement:
    """The metrics over the blocks, their records, and those of the naive forecasts."""
    points = [metric.name for metric in POINT_METRICS]
    listed = [
        {**record, **{metric.name: model.value(metric.name, np.array([row])) for metric in metrics}}
        for row, record in enumerate(records)
    ]

    def score_of(name: str) -> Any:
        return lambda rows: model.value(name, rows)

    return Measurement(
        records=[{name: _plain(value) for name, value in record.items()} for record in listed],
        scores={metric.name: score_of(metric.name) for metric in metrics},
        baselines={title: {name: scores.value(name) for name in points} for title, scores in naive.items()},
    )


def _summed(values: Errors) -> Errors:
    """Sums over steps and targets, what is not known left out."""
    total: Errors = np.where(np.isfinite(values), values, 0.0).sum((0, 2))
    return total


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
