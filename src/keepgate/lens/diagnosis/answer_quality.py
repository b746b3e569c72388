"""Answer quality: the share of right answers, or of variance explained, against guessing, and by the rows' lengths."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

# The shortest and the longest third differ if it is by so much, and by so many standard errors.
APART, ERRORS = 0.1, 3.0
# Answers are surer than they are right by so much and so many standard errors, and sure to begin with: as far as this
# on the way from guessing to certainty.
SURER, SURE = 0.1, 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerQuality:
    """How good a model's answers are.

    kind:   "accuracy", the share of right answers, or "explained", that of the targets' variance.
    value:  over all rows. guess: of who always gives the same: the most frequent class, or the mean.
    error:  the standard error of `value`. rows: how many.
    short, long: the same of the third of the rows that are shortest, and longest; None where all are equally long.
    spread: the numbers' root mean square, 0 for classes.
    sure:   the mean probability of the answers given; of numbers, their variance as a share of the targets'.
    excess: how much surer they are than right: `sure` less the share of right ones; of numbers, E[a (a - y)] / Var y
            around the means, which is 0 where a is the best guess of y.
    """

    kind: Literal["accuracy", "explained"]
    value: float
    guess: float
    error: float
    rows: int
    short: float | None = None
    long: float | None = None
    spread: float = 0.0
    sure: float = 0.0
    excess: float = 0.0

    @property
    def skill(self) -> float:
        """From 0, as good as guessing, to 1, all right."""
        return (self.value - self.guess) / (1 - self.guess) if self.guess < 1 else 0.0

    @property
    def doubt(self) -> float:
        """The standard error of the skill."""
        return self.error / (1 - self.guess) if self.guess < 1 else math.inf

    @property
    def lost_on_long_rows(self) -> bool:
        """Whether the long rows are answered worse than the short ones, by more than chance would."""
        return self._apart(1)

    @property
    def lost_on_short_rows(self) -> bool:
        return self._apart(-1)

    @property
    def surer_than_right(self) -> bool:
        """Whether the answers are surer than they are right, by more than chance would."""
        sure = (self.sure - self.guess) / (1 - self.guess)
        return sure > SURE and self.excess > max(SURER, ERRORS * self.error)

    def _apart(self, sign: int) -> bool:
        if self.short is None or self.long is None:
            return False
        difference = sign * (self.short - self.long)
        # A third of the rows has √3 times the error, the difference of two √2 times that.
        return difference > max(APART, ERRORS * self.error * math.sqrt(6))


def answer_quality(answers: Tensor, targets: Tensor, lengths: Int[Tensor, " rows"]) -> AnswerQuality | None:
    """Of predictions with their targets, one a row, as `usual_loss` takes them; None where all targets are alike."""
    answers, targets = answers.cpu().double(), targets.cpu()
    if bool((targets == targets[0]).all()):
        return None
    numbers = targets.dtype.is_floating_point
    credit, sure, excess = _explained(answers, targets) if numbers else _right(answers, targets)
    order, third = lengths.argsort(), len(lengths) // 3
    apart = third > 0 and int(lengths[order[third - 1]]) < int(lengths[order[-third]])
    return AnswerQuality(
        kind="explained" if numbers else "accuracy",
        value=float(credit.mean()),
        guess=0.0 if numbers else float(torch.unique(targets, return_counts=True)[1].max()) / targets.numel(),
        error=float(credit.std(correction=0)) / math.sqrt(len(credit)),
        rows=len(credit),
        short=float(credit[order[:third]].mean()) if apart else None,
        long=float(credit[order[-third:]].mean()) if apart else None,
        spread=float(targets.double().square().mean().sqrt()) if numbers else 0.0,
        sure=sure,
        excess=excess,
    )


def _explained(answers: Tensor, targets: Tensor) -> tuple[Float[Tensor, " rows"], float, float]:
    """1 - squared error / variance, of each row, whose mean is the share of variance explained; `sure`, `excess`."""
    true = targets.double().reshape(len(targets), -1)
    predicted, variance = answers.reshape(true.shape), true.var(0, correction=0).mean()
    from_mean = predicted - predicted.mean(0)
    excess = (from_mean * (from_mean - true + true.mean(0))).mean() / variance
    sure = from_mean.square().mean() / variance
    return 1 - (predicted - true).square().mean(1) / variance, float(sure), float(excess)


def _right(answers: Tensor, targets: Tensor) -> tuple[Float[Tensor, " rows"], float, float]:
    """The share of right answers in each row; `sure`, `excess`."""
    labels, targets, sure = labels_given(answers, targets)
    right = (labels == targets).double()
    return right.reshape(len(targets), -1).mean(1), float(sure.mean()), float(sure.mean() - right.mean())


def labels_given(answers: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest labels, the targets in the same shape, and the labels' probabilities."""
    if answers.numel() == targets.numel():
        likely = answers.reshape(targets.shape).sigmoid()
        return (likely > 0.5).long(), targets, likely.maximum(1 - likely)
    targets = targets[:, 0] if answers.dim() == targets.dim() == 2 else targets
    sure, labels = answers.softmax(_classes_at(answers, targets)).max(_classes_at(answers, targets))
    return labels, targets, sure


def _classes_at(answers: Tensor, targets: Tensor) -> int:
    return -1 if answers.shape[:-1] == targets.shape else 1
