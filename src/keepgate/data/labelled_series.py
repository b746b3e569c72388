"""LabelledSeries: rows of numbers, one a step, and their label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSeries:
    """A series and the label that counts as right (None, when it is to be predicted).

    values: [steps, features], in the series' own units, all finite. features: their names.
    """

    values: NDArray[np.float32]
    features: tuple[str, ...]
    label: str | None = None
    id: str = ""

    @property
    def text(self) -> str:
        """The numbers of the steps, from 1, by which the lens names them."""
        return " ".join(map(str, range(1, len(self.values) + 1)))

    @property
    def question(self) -> str:
        """Empty: nothing is asked about a series that has a label."""
        return ""

    @property
    def summary(self) -> str:
        """The first steps, for a list of series."""
        return "; ".join(" ".join(f"{value:g}" for value in row) for row in self.values[:5])
