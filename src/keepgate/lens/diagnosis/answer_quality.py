"""Answer quality: the share of right answers, or of variance explained, against guessing, and by the rows' lengths."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

# The shortest and the longest third differ if it is by so much, and by so many standard errors.
APART, ERRORS = 0.1, 3.0
# Rows up to a length, the one that divides them best, differ from longer ones if it is by so many standard errors.
CLEARLY = 5.0
# Answers are surer than they are right by so much and so many standard errors, and sure to begin with: as far as this
# on the way from guessing to certainty.
SURER, SURE = 0.1, 0.3
# Answers go against the targets from a correlation below minus this on, of labels where they are right less than this
# as often as by chance.
CONTRARY = 0.5
# Answers are good from this skill on.
GOOD = 0.8
# Numbers hardly differ where their variance is less than this share of the targets': a tenth of the standard deviation.
FLAT = 0.01
# Where training was not at its end, the answers are too small by so much.
SCALED = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerQuality:
    """How good a model's answers are.

    kind:   "accuracy", the share of right answers, or "explained", that of the targets' variance.
    value:  over all rows. guess: of who always gives the same: the most frequent class, or the mean.
    error:  the standard error of `value`. rows: how many.
    short, long: the same of the third of the rows that are shortest, and longest; None where all are equally long.
    limit:  the length up to which rows are answered well, and beyond it worse and yet surely: of rows as long as it was
            trained on, a network that forgets has learnt to be unsure. None where there is none.
    spread: the numbers' root mean square, 0 for classes. deviation: their standard deviation.
    sure:   the mean probability of the answers given; of numbers, their variance as a share of the targets'.
    excess: how much surer they are than right: `sure` less the share of right ones; of numbers, E[a (a - y)] / Var y
            around the means, which is 0 where a is the best guess of y.
    chance: the share of right answers if these were dealt to the rows by chance; 0 for numbers.
    scale:  what the answers (of labels, their scores) would be multiplied by for the least loss: a Newton step from 1.
    scale_error: its standard error.
    """

    kind: Literal["accuracy", "explained"]
    value: float
    guess: float
    error: float
    rows: int
    short: float | None = None
    long: float | None = None
    limit: int | None = None
    spread: float = 0.0
    deviation: float = 0.0
    sure: float = 0.0
    excess: float = 0.0
    chance: float = 0.0
    scale: float = 1.0
    scale_error: float = 0.0

    @property
    def skill(self) -> float:
        """From 0, as good as guessing, to 1, all right."""
        return self._skill(self.value)

    @property
    def short_skill(self) -> float:
        """The same of the third of the rows that are shortest; of all where they are equally long."""
        return self._skill(self.value if self.short is None else self.short)

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
    def lost_on_some_rows(self) -> bool:
        """Whether rows of one length are answered worse than those of another."""
        return self.lost_on_long_rows or self.lost_on_short_rows

    @property
    def surer_than_right(self) -> bool:
        """Whether the answers are surer than they are right, by more than chance would."""
        sure = (self.sure - self.guess) / (1 - self.guess)
        return sure > SURE and self.excess > max(SURER, ERRORS * self.error)

    @property
    def contrary(self) -> bool:
        """Whether the answers go against the targets, by more than sure ones would by chance."""
        numbers = self.kind == "explained"
        # Of numbers their covariance with the targets, as a share of the variance of these.
        common = self.sure - self.excess - self.chance
        size = math.sqrt(self.sure) if numbers else self.chance
        variance = self.sure if numbers else self.chance * (1 - self.chance)
        return self.surer_than_right and common < -max(
            CONTRARY * size, ERRORS * math.sqrt(variance / self.rows)
        )

    @property
    def unfinished(self) -> bool:
        """Whether the loss falls if the answers are only scaled up, by more than chance would: training had not come to
        its end."""
        return self.scale - 1 > max(SCALED, ERRORS * self.scale_error)

    @property
    def flat(self) -> bool:
        """Whether the numbers that are answered hardly differ."""
        return self.kind == "explained" and self.sure < FLAT

    @property
    def no_better_than_guessing(self) -> bool:
        """Whether the answers are not better than guesses by more than chance would be."""
        return self.value - self.guess <= ERRORS * self.error

    def _skill(self, value: float) -> float:
        return (value - self.guess) / (1 - self.guess) if self.guess < 1 else 0.0

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
    credit, steps, sure, excess = _explained(answers, targets) if numbers else _right(answers, targets)
    guess = 0.0 if numbers else float(torch.unique(targets, return_counts=True)[1].max()) / targets.numel()
    order, third = lengths.argsort(), len(lengths) // 3
    apart = third > 0 and int(lengths[order[third - 1]]) < int(lengths[order[-third]])
    return AnswerQuality(
        kind="explained" if numbers else "accuracy",
        value=float(credit.mean()),
        guess=guess,
        error=float(credit.std(correction=0)) / math.sqrt(len(credit)),
        rows=len(credit),
        short=float(credit[order[:third]].mean()) if apart else None,
        long=float(credit[order[-third:]].mean()) if apart else None,
        limit=_limit(credit, excess, lengths, guess),
        spread=float(targets.double().square().mean().sqrt()) if numbers else 0.0,
        deviation=float(targets.double().var(0, correction=0).mean().sqrt()) if numbers else 0.0,
        sure=sure,
        excess=float(excess.mean()),
        chance=0.0 if numbers else _chance(*labels_given(answers, targets)),
        scale=1 + float(steps.mean()),
        scale_error=float(steps.std(correction=0)) / math.sqrt(len(steps)),
    )


def _limit(
    credit: Float[Tensor, " rows"],
    excess: Float[Tensor, " rows"],
    lengths: Int[Tensor, " rows"],
    guess: float,
) -> int | None:
    """The length up to which rows are answered well, and beyond it worse and yet surely; None where there is none.

    It is the one that divides the rows in two whose means explain most of what the credit varies.
    """

    def between(length: int) -> float:
        near = lengths <= length
        share = near.double().mean()
        return float(share * (1 - share) * (credit[near].mean() - credit[~near].mean()) ** 2)

    length = max(torch.unique(lengths)[:-1].tolist(), key=between, default=None)
    if length is None:
        return None
    near = lengths <= length

    def less(values: Float[Tensor, " rows"], by: float) -> bool:
        """Whether those of the near rows are less, by more than chance would."""
        error = values.std(correction=0) * math.sqrt(1 / int(near.sum()) + 1 / int((~near).sum()))
        return bool(values[~near].mean() - values[near].mean() > max(by, CLEARLY * float(error)))

    well = float(credit[near].mean()) - guess >= GOOD * (1 - guess)
    surely = float(excess[~near].mean()) > SURER and less(excess, SURER)
    return length if well and surely and less(-credit, APART) else None


def _explained(
    answers: Tensor, targets: Tensor
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"], float, Float[Tensor, " rows"]]:
    """1 - squared error / variance, of each row, whose mean is the share of variance explained; each row's part of
    `scale` - 1; `sure`; each row's `excess`."""
    true = targets.double().reshape(len(targets), -1)
    predicted, variance = answers.reshape(true.shape), true.var(0, correction=0).mean()
    from_mean = predicted - predicted.mean(0)
    excess = (from_mean * (from_mean - true + true.mean(0))).mean(1) / variance
    sure = from_mean.square().mean() / variance
    credit = 1 - (predicted - true).square().mean(1) / variance
    return credit, _newton(-excess, sure), float(sure), excess


def _right(
    answers: Tensor, targets: Tensor
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"], float, Float[Tensor, " rows"]]:
    """The share of right answers in each row, and its part of `scale` - 1; `sure`; each row's `excess`."""
    scores, targets = by_class(answers, targets)
    probabilities = scores.softmax(-1)
    sure, labels = probabilities.max(-1)
    right = (labels == targets).double()
    # The loss's first and second derivative by the scale of the scores.
    possible = scores.where(probabilities > 0, 0.0)
    mean = (probabilities * possible).sum(-1)
    variance = (probabilities * (possible - mean.unsqueeze(-1)).square()).sum(-1)
    falls = possible.gather(-1, targets.long().unsqueeze(-1)).squeeze(-1) - mean
    credit, falls, certainty = (values.reshape(len(targets), -1).mean(1) for values in (right, falls, sure))
    return credit, _newton(falls, variance.mean()), float(sure.mean()), certainty - credit


def _newton(falls: Float[Tensor, " rows"], curvature: Tensor) -> Float[Tensor, " rows"]:
    return falls / curvature if curvature > 0 else torch.zeros_like(falls)


def _chance(labels: Tensor, targets: Tensor) -> float:
    """The probability that a label and a target, each drawn by itself, are the same."""
    values = torch.cat([labels.flatten(), targets.flatten()])
    shares = [
        torch.bincount(part).double() / len(part)
        for part in torch.unique(values, return_inverse=True)[1].chunk(2)
    ]
    classes = min(map(len, shares))
    return float(shares[0][:classes] @ shares[1][:classes])


def labels_given(answers: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest labels, and the targets in the same shape."""
    scores, targets = by_class(answers, targets)
    return scores.argmax(-1), targets


def by_class(answers: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Scores with the classes in the last dimension, of one logit those of 0 and 1, and the targets without it."""
    if answers.numel() == targets.numel():
        logit = answers.reshape(targets.shape)
        return torch.stack([torch.zeros_like(logit), logit], -1), targets
    targets = targets[:, 0] if answers.dim() == targets.dim() == 2 else targets
    last = answers.shape[:-1] == targets.shape
    return answers if last else answers.movedim(1, -1), targets
