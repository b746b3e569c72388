"""Back-testing: every window of some series forecast, and compared with what came and with naive forecasts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.series import Series
from ...errors import SettingsError
from ..measure import Measurement, Metric
from .forecasts import Forecasts
from .metrics import Errors, Scores, measurement_of, naive_scale, point_sums, quantile_sums
from .windows import Prepared, Window

# Windows that are measured at most, taken evenly from all; windows that are held in memory at once.
_MEASURED, _AT_ONCE = 20_000, 512


def backtest(
    task: Forecasts,
    metrics: Sequence[Metric],
    items: Sequence[Series],
    batch_size: int,
    on_progress: Callable[[int], None] | None,
) -> Measurement:
    """The metrics over blocks of neighbouring windows, each block as long as a forecast.

    Raises SettingsError where no series has a window with its steps ahead.
    """
    parts = [task.prepared(item) for item in items]
    ends = [
        np.arange(max(task.look_back, part.series.first), len(part.targets) - task.ahead + 1)
        for part in parts
    ]
    total = sum(map(len, ends))
    if not total:
        raise SettingsError(
            f"no series to evaluate on has {task.look_back + task.ahead} steps ({task.look_back} to be read, "
            f"{task.ahead} to be forecast); give longer ones"
        )
    stride = -(-total // _MEASURED)
    model, naive = Scores(), {name: Scores() for name in _naive_names(task)}
    records: list[dict[str, Any]] = []
    for count, (part, every) in enumerate(zip(parts, ends, strict=True), 1):
        if len(every):
            blocks = (every[::stride] - every[0]) // task.ahead
            _, blocks = np.unique(blocks, return_inverse=True)
            sums, without = _sums(task, part, every[::stride], int(every[0]), batch_size)
            model.add(sums, blocks)
            for name, scores in naive.items():
                scores.add(without[name], blocks)
            records += _records(part.series, every[::stride], blocks)
        if on_progress is not None:
            on_progress(count)
    return measurement_of(records, model, naive, metrics)


def _sums(
    task: Forecasts, part: Prepared, ends: NDArray[np.int64], first: int, batch_size: int
) -> tuple[dict[str, Errors], dict[str, dict[str, Errors]]]:
    """What the metrics are sums of, for each window of one series: of the model, and of each naive forecast."""
    scale = naive_scale(part, first, task.season)
    levels = task.settings.quantiles
    chunks: list[dict[str, Errors]] = []
    naive: dict[str, list[dict[str, Errors]]] = {name: [] for name in _naive_names(task)}
    for start in range(0, len(ends), _AT_ONCE):
        windows = [
            part.window(end, task.look_back, task.ahead, targets=True)
            for end in ends[start : start + _AT_ONCE].tolist()
        ]
        right = np.stack([part.targets[end : end + task.ahead] for end in ends[start : start + _AT_ONCE]], 1)
        outputs = task.outputs(windows, batch_size)
        sums = point_sums(outputs[..., 0], right.astype(np.float64), part, scale)
        if levels:
            quantiles = np.sort(np.moveaxis(outputs[..., 1:], -1, 0), axis=0)
            sums |= quantile_sums(quantiles, right.astype(np.float64), levels)
        chunks.append(sums)
        for name, forecast in _naive(task, windows).items():
            naive[name].append(point_sums(forecast, right.astype(np.float64), part, scale))
    return _joined(chunks), {name: _joined(each) for name, each in naive.items()}


def _joined(chunks: Sequence[Mapping[str, Errors]]) -> dict[str, Errors]:
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _naive_names(task: Forecasts) -> list[str]:
    seasonal = [f"{task.season} steps before"] if 1 < task.season <= task.look_back else []
    return ["the last value", *seasonal]


def _naive(task: Forecasts, windows: Sequence[Window]) -> dict[str, Errors]:
    """Forecasts that need no model: the last value, and those of the season before."""
    values = np.stack([window.values for window in windows], 1).astype(np.float64)
    seasonal = -task.season + np.arange(task.ahead) % task.season
    places = [np.full(task.ahead, -1), seasonal]
    return {name: values[steps] for name, steps in zip(_naive_names(task), places, strict=False)}


def _records(series: Series, ends: NDArray[np.int64], blocks: NDArray[np.int64]) -> list[dict[str, Any]]:
    firsts = np.flatnonzero(np.diff(blocks, prepend=-1))
    lasts = [*(firsts[1:] - 1).tolist(), len(ends) - 1]
    return [
        {
            "series": series.id, "from": series.time(int(ends[first])), "to": series.time(int(ends[last])),
            "windows": last - first + 1,
        }
        for first, last in zip(firsts.tolist(), lasts, strict=True)
    ]  # fmt: skip
