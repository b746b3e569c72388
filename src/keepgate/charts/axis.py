"""Axes of a chart: linear and logarithmic scales with their ticks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Double precision reaches 1e-308. Past 30 decades from 1 a curve says no more than "nothing is left" or "far too much",
# and the difference between the others would be squashed, so such values get a lane of their own beside the axis.
FEWEST, MOST = -30, 30


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Scale from values to 0 (start) … 1 (end), with its ticks.

    below, above: what is written on the lane for values under or over the axis (zero and infinity on a logarithmic
    one); None: there are no such values. `place` gives -inf and inf for them, and None for what is no number.
    """

    ticks: tuple[tuple[float, str], ...]
    scale: Callable[[float], float]
    below: str | None = None
    above: str | None = None

    def place(self, value: float) -> float | None:
        """The position of a value: 0 … 1 on the axis, -inf or inf on the lanes beside it, None for NaN."""
        return None if math.isnan(value) else self.scale(value)


def linear(start: float, end: float, ticks: Sequence[tuple[float, str]]) -> Axis:
    """An axis from start to end with the given ticks and no lanes."""
    reach = (end - start) or 1.0
    return Axis(ticks=tuple(ticks), scale=lambda value: (value - start) / reach)


def logarithmic(values: Sequence[float], name: Callable[[float], str], most_ticks: int = 9) -> Axis:
    """A logarithmic axis over whole decades that holds the values; zero, overflow and the far ends go to lanes.

    name: how a power of ten is written. NaN is left out.
    """
    numbers = [value for value in values if not math.isnan(value)]
    decades = [math.log10(value) for value in numbers if 0 < value < math.inf]
    low = max(FEWEST, math.floor(min(decades, default=0) + 1e-9))
    high = min(MOST, math.ceil(max(decades, default=0) - 1e-9))
    low, high = min(low, MOST - 1), max(high, FEWEST + 1)
    low = low if low < high else high - 1
    under = any(0 < value < 10.0**low for value in numbers)
    over = any(10.0**high < value < math.inf for value in numbers)
    below = (
        (f"< {name(10.0**low)}" if under else "0") if under or any(value <= 0 for value in numbers) else None
    )
    above = (f"> {name(10.0**high)}" if over else "∞") if over or math.inf in numbers else None

    def scale(value: float) -> float:
        if value <= 0 or value < 10.0**low * (1 - 1e-9):
            return -math.inf
        return math.inf if value > 10.0**high * (1 + 1e-9) else (math.log10(value) - low) / (high - low)

    step = next(step for step in (1, 2, 3, 5, 10, 20) if (high - low) / step <= most_ticks)
    ticks = tuple((10.0**n, name(10.0**n)) for n in range(low, high + 1) if n % step == 0)
    return Axis(ticks=ticks, scale=scale, below=below, above=above)


def round_ticks(first: int, last: int, intervals: int = 6) -> list[int]:
    """Ticks of an axis of whole numbers: its ends, and round numbers between them."""
    steps = (size * 10**power for power in range(20) for size in (1, 2, 5))
    step = next(step for step in steps if (last - first) / step <= intervals)
    inner = [tick for tick in range(step, last, step) if tick - first >= step / 2 and last - tick >= step / 2]
    return sorted({first, *inner, max(last, first + 1)})
