"""Forecast: what comes after a series, with its interval, in the data's own units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.series import Series
from ..answer import Answer


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """The steps after a series. series: the one that was read. times: of the steps, as text.

    point: [steps, targets], the forecast itself. quantiles: of each level likewise, not crossing.
    """

    series: Series
    times: tuple[str, ...]
    point: NDArray[np.float64]
    quantiles: dict[float, NDArray[np.float64]]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The outermost two levels; None where there are not two."""
        levels = sorted(self.quantiles)
        return (levels[0], levels[-1]) if len(levels) > 1 else None

    def as_dicts(self) -> list[dict[str, Any]]:
        """One for each target, as plain values for JSON."""
        return [
            {
                "series": self.series.id,
                "target": name,
                "times": list(self.times),
                "forecast": self.point[:, place].tolist(),
                "quantiles": {
                    f"{level:g}": part[:, place].tolist() for level, part in self.quantiles.items()
                },
            }
            for place, name in enumerate(self.series.columns.targets)
        ]

    def answer(self, target: int = 0, step: int = 0) -> Answer:
        """One number as an answer: its interval, with the probability that it is meant to have; the number without."""
        if self.interval is None:
            return Answer(f"{self.point[step, target]:.4g}", float("nan"))
        low, high = self.interval
        ends = (self.quantiles[level][step, target] for level in self.interval)
        return Answer(" to ".join(f"{end:.4g}" for end in ends), high - low)
