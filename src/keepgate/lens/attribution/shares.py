"""Shares of an answer by step and feature: integrated gradients on what the model reads, of any model."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ..compact_repr import compact_repr
from ..readers.integrated_gradients import integrate
from .ablation import width
from .read_values import ReadValues
from .target import Target

# Points on the way, tried in turn until all but a thousandth of the difference is accounted for; of long rows fewer, so
# that no more steps than this are read for the last of them.
POINTS, MOST_STEPS = (8, 32, 128, 512), 131_072


@dataclass(frozen=True, kw_only=True, eq=False)
class InputShares:
    """What each step's features add to a score: a label's logit less that of the others, or the number; signed.

    values:   shares. They sum to the score less `baseline`, the score where there is nothing, but for the points.
    features: their names; one, "input", where a step is a token.
    """

    values: Float[Tensor, "steps features"]
    features: tuple[str, ...]
    score: float
    baseline: float

    __repr__ = compact_repr

    @property
    def completeness(self) -> float:
        """How much of the difference the shares sum to: 1 is all of it. NaN where there is none."""
        whole = self.score - self.baseline
        return float(self.values.sum()) / whole if whole else float("nan")


def input_shares(read: ReadValues, target: Target, names: tuple[str, ...] | None) -> InputShares | None:
    """What each step adds to the target's score, from nothing at all steps to what was read.

    By feature where the values are the inputs, else by step alone. None for a model without a derivative.
    Raises SettingsError for another number of names than features.
    """
    row, by_feature = read.row, read.layer is None
    if by_feature and names is not None and len(names) != read.values.shape[2]:
        raise SettingsError(f"there are {len(names)} names for the {read.values.shape[2]} features of a step")

    def scores(moved: Float[Tensor, "steps rows width"]) -> Float[Tensor, " rows"]:
        return target.scores(read.predict(moved + read.nothing)).double()

    counts = [points for points in POINTS if points == POINTS[0] or points * row.steps <= MOST_STEPS]
    way = (read.values - read.nothing).double()
    # A kernel of cuDNN has no derivative in evaluation mode.
    with torch.backends.cudnn.flags(enabled=False):
        try:
            values, (score, baseline), _ = integrate(
                scores, way, lambda gradient, x: gradient * x[:, 0], counts, row.steps * width(row)
            )
        except RuntimeError as fault:
            if "does not require grad" in str(fault):
                return None
            raise
    if not by_feature:
        return InputShares(
            values=values.sum(1, keepdim=True), features=("input",), score=score, baseline=baseline
        )
    features = names or tuple(
        f"{name or 'x'}[{k}]"
        for place, name in row.numbers.items()
        for k in range(row.over_time[place][0].numel())
    )
    return InputShares(values=values, features=features, score=score, baseline=baseline)
