"""Answer bounds: numbers that the answers of a model never pass, though many targets lie beyond."""

from dataclasses import dataclass

from torch import Tensor

# Answers stand at a bound if so many of them lie within this share of their range; it matters if as many targets lie
# beyond it by more than so much of their standard deviation.
AT, NEAR, BEYOND = 0.1, 1e-6, 0.1


@dataclass(frozen=True, kw_only=True)
class Bound:
    """bound: the number that no answer passes. below: whether the targets lie below it. share: how many of them do."""

    bound: float
    below: bool
    share: float


def bound_of(answers: Tensor, targets: Tensor) -> Bound | None:
    """Of numbers that are answered, with their targets; the bound with the most targets beyond it, or None."""
    answers, targets = answers.double().flatten().cpu(), targets.double().flatten().cpu()
    low, high, margin = float(answers.min()), float(answers.max()), BEYOND * float(targets.std(correction=0))
    near = NEAR * (high - low)
    bounds = [
        Bound(bound=low, below=True, share=_share(targets < low - margin))
        if _share(answers <= low + near) >= AT
        else None,
        Bound(bound=high, below=False, share=_share(targets > high + margin))
        if _share(answers >= high - near) >= AT
        else None,
    ]
    most = max((each for each in bounds if each is not None), key=lambda each: each.share, default=None)
    return most if most is not None and most.share >= AT else None


def _share(holds: Tensor) -> float:
    return float(holds.double().mean())
