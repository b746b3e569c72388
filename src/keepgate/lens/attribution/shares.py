"""Shares of an answer by step and feature: an exact sum with the gates held, or integrated gradients."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import CellError, SettingsError
from ..compact_repr import compact_repr
from ..readers.integrated_gradients import integrate
from .ablation import width
from .held_gates import gates_held
from .read_values import ReadValues
from .target import Target

# Points on the way, at most, and steps that are read at all of them: of long rows there are fewer.
MOST, FEWEST, MOST_STEPS = 2_048, 32, 131_072
# Shares that sum to this share of the difference, or nearer to 1, are said to be complete.
COMPLETE = 0.01
# With the gates held, a score that is no sum of shares differs from it by more than so many times the rounding.
ROUNDING = 1_000

Shares = Literal["held", "integrated"]


@dataclass(frozen=True, kw_only=True, eq=False)
class InputShares:
    """What each step's features add to a score: a label's logit less that of the others, or the number; signed.

    kind:     "held": every gate held as it was, an exact sum. "integrated": integrated gradients, which the gates take
              part in, complete but for the points.
    values:   shares. They sum to the score less `baseline`: the score where there is nothing, of "held" with the gates
              as they were (where nothing is zeros, what the biases give).
    features: their names; one, "input", where a step is a token. points: at which a gradient was taken, 0 of "held".
    """

    kind: Shares
    values: Float[Tensor, "steps features"]
    features: tuple[str, ...]
    score: float
    baseline: float
    points: int = 0

    __repr__ = compact_repr

    @property
    def completeness(self) -> float:
        """How much of the difference the shares sum to: 1 is all of it. NaN where there is none."""
        whole = self.score - self.baseline
        return float(self.values.sum()) / whole if whole else float("nan")

    @property
    def complete(self) -> bool:
        """Whether they sum to it within a hundredth."""
        return abs(self.completeness - 1) <= COMPLETE


def input_shares(
    read: ReadValues, target: Target, names: tuple[str, ...] | None, kind: Shares | None = None
) -> InputShares | None:
    """What each step adds to the target's score, from nothing at all steps to what was read.

    By feature where the values are the inputs, else by step alone. None for a model without a derivative.
    kind: None takes the exact shares of a number where there are any, and else integrated gradients.
    Raises SettingsError for another number of names than features, and for "held" where these shares are not exact.
    """
    if read.layer is None and names is not None and len(names) != read.values.shape[2]:
        raise SettingsError(f"there are {len(names)} names for the {read.values.shape[2]} features of a step")
    if kind == "held" or (kind is None and not target.is_label):
        held_shares = _held(read, target)
        if held_shares is None and kind == "held":
            raise SettingsError(
                'shares is "held", but with its gates held this score is no weighted sum of what was read: something '
                'beside the gates is not linear, in the model or in what is asked of it; take shares="integrated"'
            )
        if held_shares is not None:
            return _by_feature(read, "held", names, *held_shares)
    integrated = _integrated(read, target)
    return None if integrated is None else _by_feature(read, "integrated", names, *integrated)


def _by_feature(
    read: ReadValues,
    kind: Shares,
    names: tuple[str, ...] | None,
    values: Float[Tensor, "steps width"],
    score: float,
    baseline: float,
    points: int = 0,
) -> InputShares:
    row, features = read.row, names
    if read.layer is not None:
        values, features = values.sum(1, keepdim=True), ("input",)
    elif features is None:
        features = tuple(
            f"{name or 'x'}[{k}]"
            for place, name in row.numbers.items()
            for k in range(row.over_time[place][0].numel())
        )
    return InputShares(
        kind=kind, values=values, features=features, score=score, baseline=baseline, points=points
    )


def _held(read: ReadValues, target: Target) -> tuple[Tensor, float, float] | None:
    """The terms of the weighted sum that the score is with the gates held, the score, and the score of nothing.

    None where it is none, which a third row half the way from nothing shows.
    """
    way = read.values - read.nothing
    x = torch.cat([read.values, read.nothing, read.nothing + way / 2], 1).detach().requires_grad_()
    with torch.enable_grad(), gates_held(read.row.model):
        try:
            scores = target.scores(read.predict(x))
            (gradient,) = torch.autograd.grad(scores[0], x)
        except (CellError, RuntimeError):
            return None
    values = (gradient[:, 0] * way[:, 0]).detach().double()
    score, baseline, middle = scores.detach().double().tolist()
    size = abs(score) + abs(baseline) + float(values.abs().sum())
    rounding = ROUNDING * torch.finfo(x.dtype).eps * size
    with torch.no_grad():
        plain = float(target.scores(read.predict(read.values)))
    missing = (score - plain, score - baseline - float(values.sum()), middle - (score + baseline) / 2)
    return (values, score, baseline) if all(abs(part) <= rounding for part in missing) else None


def _integrated(read: ReadValues, target: Target) -> tuple[Tensor, float, float, int] | None:
    """Integrated gradients, the scores at both ends, and the number of points."""
    row = read.row

    def scores(moved: Float[Tensor, "steps rows width"]) -> Float[Tensor, " rows"]:
        return target.scores(read.predict(moved + read.nothing)).double()

    most = min(MOST, max(FEWEST, MOST_STEPS // row.steps))
    way = (read.values - read.nothing).double()
    # A kernel of cuDNN has no derivative in evaluation mode.
    with torch.backends.cudnn.flags(enabled=False):
        try:
            values, (score, baseline), points = integrate(
                scores, way, lambda gradient, x: gradient * x[:, 0], row.steps * width(row), most=most
            )
        except RuntimeError as fault:
            if "does not require grad" in str(fault):
                return None
            raise
    return values, score, baseline, points
