"""Target faults: numbers far from the others, targets that the rows' lengths tell, answers that fit other targets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from .answer_quality import GOOD, answer_quality
from .samples import Rows

# A number is far from the others from so many robust standard deviations on: of normal ones none in 10²² is so. Where
# no more than a tenth are, and most of the variance is theirs, they decide what a squared error learns.
FAR, FEW, MOST = 10.0, 0.1, 0.5
# The median absolute deviation of normal numbers times this is their standard deviation.
NORMAL = 1.4826
# So many rows say whether their lengths tell the targets, and at least so many.
ROWS, FEWEST = 512, 30
# Targets are tried that are so many places away; answers fit those if that explains so much more.
PLACES, BETTER = (1, -1, 2, -2), 0.5
# So many rows say whether answers fit the targets of other steps.
TAGGED = 64


@dataclass(frozen=True, kw_only=True)
class Wild:
    """Targets that are far from the others: how many, of how many, and their share of the variance."""

    count: int
    rows: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Other targets that the answers fit: so many steps, or rows, later (or earlier, if negative), and how well, from 0
    for guessing to 1."""

    places: int
    over: Literal["steps", "rows"]
    skill: float


def wild_targets(targets: Tensor) -> Wild | None:
    """Of numbers; None where no few of them make up most of the variance."""
    if not targets.dtype.is_floating_point:
        return None
    numbers = targets.double().reshape(len(targets), -1)
    deviation = (numbers - numbers.median(0).values).abs()
    usual = NORMAL * deviation.median(0).values
    far = (deviation > FAR * usual) & (usual > 0)
    squared = (numbers - numbers.mean(0)).square()
    share = float((squared * far).sum() / squared.sum().clamp(min=1e-300))
    count = int(far.any(1).sum())
    return Wild(count=count, rows=len(far), share=share) if share > MOST and count <= FEW * len(far) else None


def skill_of_lengths(lengths: Int[Tensor, " rows"], targets: Tensor) -> float:
    """How well the rows' lengths alone tell the targets, from 0 for guessing to 1: each row's from all others'."""
    targets = targets.cpu().reshape(len(targets), -1)
    if len(lengths) < FEWEST or int(lengths.min()) == int(lengths.max()):
        return 0.0
    if not targets.dtype.is_floating_point and targets.shape[1] > 1:
        return 0.0
    picked = torch.linspace(0, len(lengths) - 1, min(ROWS, len(lengths))).round().long()
    lengths, targets = lengths[picked].double(), targets[picked]
    apart = (lengths[:, None] - lengths).abs()
    skills = []
    for width in (0.5, float(lengths.max() - lengths.min()) / 20):
        near = torch.exp(-apart / width).fill_diagonal_(0)
        near = near / near.sum(1, keepdim=True).clamp(min=1e-300)
        skills.append(_skill(near, targets))
    return max(skills)


def _skill(near: Float[Tensor, "rows rows"], targets: Tensor) -> float:
    """Of who takes the mean, or the most frequent class, of the rows that are near."""
    if targets.dtype.is_floating_point:
        numbers = targets.double()
        variance = numbers.var(0, correction=0).mean()
        return 1 - float((near @ numbers - numbers).square().mean() / variance) if variance > 0 else 0.0
    classes, counts = torch.unique(targets[:, 0], return_inverse=True, return_counts=True)[1:]
    guess = float(counts.max()) / len(classes)
    right = float(((near @ one_hot(classes).double()).argmax(1) == classes).double().mean())
    return (right - guess) / (1 - guess) if guess < 1 else 0.0


def shift_of(samples: Sequence[Rows], answers: Tensor, targets: Tensor) -> Shift | None:
    """The other targets that the answers, one a row, fit: of a model that answers at each step the targets of other
    steps, or those of other rows; None where they fit none so much better than their own."""
    sample = max(samples, key=lambda each: len(each.lengths))
    if sample.each_step:
        step = _best(_by_step(*sample.first(TAGGED).answered_at_each_step()))
        if step is not None:
            return Shift(places=step[0], over="steps", skill=step[1])

    def by_row(places: int) -> tuple[Tensor, Tensor]:
        own, other = _sides(places)
        return answers[own], targets[other]

    row = _best(by_row)
    return None if row is None else Shift(places=row[0], over="rows", skill=row[1])


def _by_step(answers: Tensor, targets: Tensor, counts: Tensor) -> Callable[[int], tuple[Tensor, Tensor]]:
    def pairs(places: int) -> tuple[Tensor, Tensor]:
        own, other = _sides(places)
        both = counts[:, own] & counts[:, other]
        return answers[:, own][both], targets[:, other][both]

    return pairs


def _sides(places: int) -> tuple[slice, slice]:
    """Places, and those so many places later."""
    if places < 0:
        return _sides(-places)[::-1]
    return slice(0, -places or None), slice(places, None)


def _best(pairs: Callable[[int], tuple[Tensor, Tensor]]) -> tuple[int, float] | None:
    """The nearest place whose targets the answers fit well and much better than their own, with its skill."""

    def skills() -> Iterator[tuple[int, float]]:
        for places in (0, *PLACES):
            answers, targets = pairs(places)
            enough = len(targets) >= FEWEST
            quality = answer_quality(answers, targets, torch.zeros(len(targets)).long()) if enough else None
            yield places, 0.0 if quality is None else quality.skill

    (_, own), *others = skills()
    fitting = [(places, skill) for places, skill in others if skill >= max(GOOD, own + BETTER)]
    return fitting[0] if fitting else None
