"""Figure of a forecast: the end of the series, the steps after it, and their interval."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import charts
from ...tasks.forecaster import Forecast
from ...wording import Part, msg, significant
from .figure import Figure, standing_alone
from .labels import Language, catalog_language, render
from .plot import new_axes

WIDTH, HEIGHT = 900.0, 360.0
# Of the series, so many times the steps ahead are drawn before them.
_BEFORE = 3
_TICKS = 5  # at most, apart from the ends of the axis of values


def forecast_figure(forecast: Forecast, target: int = 0, *, language: Language = "en") -> Figure:
    """One target of a forecast, after the end of its series. Raises SettingsError for an unknown language."""
    short = catalog_language(language)
    drawn = charts.draw_curves(_content(forecast, target, short), "figure", WIDTH, HEIGHT, "curves")
    return standing_alone("forecast", drawn, draw=lambda ax: plot_forecast(forecast, target, ax, short))


def plot_forecast(forecast: Forecast, target: int, ax: Any, language: str) -> Any:
    """The same in an Axes of matplotlib, a new one where it is None; gives the Axes."""
    ax = new_axes() if ax is None else ax
    content = _content(forecast, target, language)
    history, ahead = content.curves
    ax.plot(history.xs, history.ys, label=history.name)
    (line,) = ax.plot(ahead.xs, ahead.ys, label=ahead.name)
    if ahead.lows:
        ax.fill_between(ahead.xs, ahead.lows, ahead.highs, alpha=0.2, color=line.get_color(), linewidth=0)
    ticks = content.x.ticks
    ax.set_xticks([place for place, _ in ticks], [name for _, name in ticks])
    ax.set(title=content.title, ylabel=content.y_name)
    ax.legend()
    return ax


def _content(forecast: Forecast, target: int, language: str) -> charts.Curves:
    series, steps = forecast.series, len(forecast.point)
    first = max(0, len(series) - _BEFORE * steps)
    past = np.asarray(series.targets[first:])[:, target]
    present = np.flatnonzero(np.isfinite(past))
    last = int(present[-1]) if len(present) else 0
    # The forecast goes on from the last value, so that no gap looks like a jump.
    xs = [float(first + last), *(float(len(series) + step) for step in range(steps))]
    mean = [float(past[last]), *forecast.point[:, target].tolist()]
    lows, highs = (
        [mean[0], *forecast.quantiles[level][:, target].tolist()] if forecast.interval else []
        for level in forecast.interval or (0.0, 0.0)
    )
    values = [value for value in (*past.tolist(), *mean, *lows, *highs) if math.isfinite(value)]
    names = [name for name in (series.id, series.columns.targets[target]) if name]
    ends: dict[str, Part] = {
        "name": " · ".join(names),
        "steps": steps,
        "last": significant(mean[-1], 4),
        "time": forecast.times[-1],
    }
    text = ""
    if forecast.interval is not None:
        share = f"{100 * (forecast.interval[1] - forecast.interval[0]):g}"
        low, high = significant(lows[-1], 4), significant(highs[-1], 4)
        text = render(msg("forecast.interval", share=share, low=low, high=high), language)
    return charts.Curves(
        title=render(msg("forecast.title", **ends), language),
        description=render(msg("forecast.text", **ends), language) + text,
        x=_times(forecast, first), y=_numbers(values),
        x_name=render(msg("forecast.x"), language), y_name=names[-1],
        curves=[
            charts.Curve(
                name=render(msg("forecast.known"), language), style=3, ys=past.tolist(),
                xs=[float(first + step) for step in range(len(past))],
            ),
            charts.Curve(
                name=render(msg("forecast.ahead"), language), style=1, xs=xs, ys=mean, lows=lows, highs=highs
            ),
        ],
    )  # fmt: skip


def _times(forecast: Forecast, first: int) -> charts.Axis:
    """The times as an axis of steps, a few of them named."""
    series, end = forecast.series, len(forecast.series) + len(forecast.point) - 1
    inner = np.linspace(first, end, 2 * _TICKS - 1)[1::2]
    steps = np.unique(inner.round().astype(np.int64))
    return charts.linear(first, end, [(float(step), series.time(int(step))) for step in steps])


def _numbers(values: Sequence[float]) -> charts.Axis:
    """An axis around these values, with round numbers on it."""
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        low, high = low - max(1.0, abs(low)) / 2, high + max(1.0, abs(high)) / 2
    power = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step = next(size * power for size in (1, 2, 5, 10) if (high - low) / (size * power) <= _TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = [k * step for k in range(first, last + 1)]
    return charts.linear(ticks[0], ticks[-1], [(tick, significant(tick, 6)) for tick in ticks])
