"""Confusion of labels: those that are answered for each other, and those that are never answered."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from .answer_quality import GOOD, by_class

# Fewer rows of a label say nothing of it, nor does a label that is rarer than this.
FEWEST, RARE = 5, 0.02
# A label is answered for another if most of its rows are answered so, by so many standard errors.
MOST, ERRORS = 0.5, 3.0
# A label that makes up so much of the targets, is never answered and is given less than this share of the probability
# that it should have, was not among those of the training, or too seldom.
MISSING, GIVEN = 0.05, 0.25


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Which labels are given for which.

    exchanged: labels, each with what its rows are mostly answered by, where both are the same labels in another order.
    never:     labels of the targets that are never answered, with their share, the most frequent first.
    unlikely:  the most frequent of those that are hardly given any probability, or None.
    others:    how right the rows of all other labels are, from 0 for guessing to 1; 0 where there is but one.
    """

    exchanged: tuple[tuple[int, int], ...] = ()
    never: tuple[tuple[int, float], ...] = ()
    unlikely: int | None = None
    others: float = 0.0

    @property
    def missing(self) -> bool:
        """Whether a label is never answered nor likely, while the rows of the others are answered right."""
        return self.others >= GOOD and self.unlikely is not None


def confusion_of(answers: Tensor, targets: Tensor) -> Confusion:
    """Of the labels' scores, as `usual_loss` takes them, and the targets."""
    scores, targets = by_class(answers.cpu().double(), targets.cpu().long())
    labels, targets = scores.argmax(-1).flatten(), targets.flatten()
    likely = scores.softmax(-1).flatten(0, -2).mean(0)
    values, counts = torch.unique(targets, return_counts=True)
    common = {int(value): int(n) for value, n in zip(values, counts, strict=True) if n >= FEWEST}
    for_each = {label: _mostly(labels[targets == label]) for label in common}
    answered = set(torch.unique(labels).tolist())
    never = {
        label: n / len(targets)
        for label, n in common.items()
        if label not in answered and n >= RARE * len(targets)
    }
    rest = ~torch.isin(targets, torch.tensor(list(never), dtype=targets.dtype))
    by_share = sorted(never.items(), key=lambda pair: -pair[1])
    unlikely = [
        label for label, share in by_share if share >= MISSING and float(likely[label]) < GIVEN * share
    ]
    return Confusion(
        exchanged=tuple((label, for_each[label]) for label in _in_cycles(for_each)),
        never=tuple(by_share),
        unlikely=next(iter(unlikely), None),
        others=_skill(labels[rest], targets[rest]),
    )


def _mostly(labels: Int[Tensor, " rows"]) -> int | None:
    """The label by which most of some rows are answered, by more than chance would; None where there is none."""
    label = labels.mode().values
    share = float((labels == label).double().mean())
    return int(label) if share > MOST + ERRORS * math.sqrt(MOST * (1 - MOST) / len(labels)) else None


def _in_cycles(for_each: dict[int, int | None]) -> list[int]:
    """Labels from which one comes back, from each to what is answered for it, after two or more."""
    cyclic = []
    for label in for_each:
        reached, steps = for_each[label], 1
        while reached is not None and reached != label and steps < len(for_each):
            reached, steps = for_each.get(reached), steps + 1
        if reached == label and steps > 1:
            cyclic.append(label)
    return cyclic


def _skill(labels: Int[Tensor, " rows"], targets: Int[Tensor, " rows"]) -> float:
    counts = torch.unique(targets, return_counts=True)[1]
    if len(counts) < 2:
        return 0.0
    guess = float(counts.max()) / len(targets)
    return (float((labels == targets).double().mean()) - guess) / (1 - guess)
