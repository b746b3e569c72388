"""Ridge baseline: what a linear model reads off the rows' last steps, and how far back they must be read for it.

It has no memory to lose anything from, so it tells apart rows that hold no answer and a network that does not keep it.
Each row is scored by the fit to all others (leave-one-out, in closed form).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from .effective_context import fewest, geometric_grid
from .statistics import bootstrap

# More rows cost time and change little; an input of more features is taken without their products.
ROWS, PRODUCTS = 256, 12
# Penalties, relative to the kernel's mean eigenvalue.
PENALTIES = (0.01, 0.1, 1.0)
# Something was read off the rows from this skill on, and so many standard errors above guessing: the best of some
# hundred fits is taken.
FOUND, ERRORS = 0.2, 5.0
# A fit is as good as the best if it is no worse than by this.
AS_GOOD = 0.05
# From a row's start, so many steps are tried at their place.
FIRST = 3


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What was read off the rows.

    skill:  of the best fit, 0 for guessing to 1 for all right.
    needed: how many last steps are as good, for 95 % of the rows, among those tried; None where nothing was found.
    interval: where the fewest lie with 95 % confidence, by drawing the rows again; those between two tried are part.
    by_steps: of each fit, how many last steps it reads and its skill.
    """

    skill: float
    needed: int | None
    interval: tuple[int, int] | None = None
    by_steps: tuple[tuple[int, float], ...] = ()

    def skill_within(self, steps: int) -> float:
        """Of the best fit to no more than so many last steps."""
        return max((skill for reach, skill in self.by_steps if reach <= steps), default=0.0)


def ridge_baseline(rows: Sequence[Tensor], targets: Tensor, *, seed: int = 0) -> Baseline:
    """From rows [steps] of tokens or [steps, features] of numbers to what is read off them.

    targets: classes [rows], or numbers [rows] or [rows, outputs]. seed: of the bootstrap.
    Source: kernel ridge regression, Saunders et al. (1998); leave-one-out by Golub et al. (1979).
    """
    targets = targets.cpu()
    lengths = torch.tensor([len(row) for row in rows])
    features = _features(rows, lengths)
    grid = geometric_grid(int(lengths.max()))
    target_matrix, guess = _wanted(targets)
    doubt = math.sqrt(max(guess * (1 - guess), 0.05) / len(rows)) / (1 - guess) if guess < 1 else math.inf
    credits_by_context = [
        (_credit(kernel, target_matrix, guess, targets), reach)
        for kernel, reach in _kernels(features, lengths, grid)
    ]
    skills, reaches = (
        torch.stack([credit for credit, _ in credits_by_context]),
        torch.tensor([reach for _, reach in credits_by_context]),
    )
    best = float(skills.mean(1).max())
    if best < max(FOUND, ERRORS * doubt):
        return Baseline(skill=max(best, 0.0), needed=None)

    def needed(drawn: Tensor) -> int:
        means = skills[:, drawn].mean(1)
        return int(reaches[means >= means.max() - AS_GOOD].min())

    low, high = bootstrap(needed, len(rows), seed=seed)
    return Baseline(
        skill=best, needed=needed(torch.arange(len(rows))), interval=(fewest(int(low), grid), int(high)),
        by_steps=tuple(zip(reaches.tolist(), skills.mean(1).tolist(), strict=True)),
    )  # fmt: skip


def _features(rows: Sequence[Tensor], lengths: Tensor) -> Float[Tensor, "rows steps features"]:
    """What each step is, the rows' ends at the end, and 0 before a row begins: one of the tokens that come, or its
    numbers with their products, in standard deviations."""
    flat = torch.cat(list(rows))
    if not flat.dtype.is_floating_point and flat.dim() == 1:
        columns = one_hot(torch.unique(flat, return_inverse=True)[1]).double()
    else:
        columns = flat.double().reshape(len(flat), -1)
        if columns.shape[1] <= PRODUCTS:
            high, low = torch.triu_indices(columns.shape[1], columns.shape[1])
            columns = torch.cat([columns, columns[:, high] * columns[:, low]], 1)
        columns = (columns - columns.mean(0)) / columns.std(0, correction=0).clamp(min=1e-6)
    steps = int(lengths.max())
    features = torch.zeros(len(rows), steps, columns.shape[1], dtype=torch.float64)
    for row, values in zip(features, torch.split(columns, lengths.tolist()), strict=True):
        row[steps - len(values) :] = values
    return features


def _wanted(targets: Tensor) -> tuple[Float[Tensor, "rows outputs"], float]:
    """What is fitted, around its mean, and the accuracy (or share of variance) of who guesses."""
    if targets.dtype.is_floating_point:
        fitted, guess = targets.double().reshape(len(targets), -1), 0.0
    else:
        _, number, counts = torch.unique(
            targets.reshape(len(targets), -1)[:, 0], return_inverse=True, return_counts=True
        )
        fitted, guess = one_hot(number).double(), float(counts.max()) / len(targets)
    return fitted, guess


def _kernels(
    features: Float[Tensor, "rows steps features"], lengths: Int[Tensor, " rows"], grid: Sequence[int]
) -> Iterator[tuple[Float[Tensor, "rows rows"], int]]:
    """Kernels with how far back they reach: each step by its place, all last steps at their places, all as a bag."""
    steps = features.shape[1]
    placed = torch.zeros(len(features), len(features), dtype=torch.float64)
    bag = torch.zeros(len(features), features.shape[2], dtype=torch.float64)
    for n in range(1, steps + 1):
        step = features[:, steps - n]
        alone = step @ step.T
        placed, bag = placed + alone, bag + step
        if n in grid:
            yield alone, n
            yield placed.clone(), n
            spread = (bag - bag.mean(0)) / bag.std(0).clamp(min=1e-6)
            yield spread @ spread.T, n
    far = int(lengths.double().quantile(0.95))
    for first in range(min(FIRST, int(lengths.min()))):
        step = features[torch.arange(len(features)), steps - lengths + first]
        yield step @ step.T, max(far - first, 1)


def _credit(kernel: Tensor, wanted: Tensor, guess: float, targets: Tensor) -> Float[Tensor, " rows"]:
    """What each row adds to the leave-one-out skill, which is their mean, with the best of the penalties."""
    kernel = kernel + kernel.diagonal().mean()  # a constant beside the features
    values, vectors = torch.linalg.eigh(kernel)
    scale = float(values.clamp(min=0).mean()) or 1.0
    skills = []
    for penalty in PENALTIES:
        shrunk = 1 / (values.clamp(min=0) + penalty * scale)
        weights = vectors @ (shrunk[:, None] * (vectors.T @ wanted))
        fitted = wanted - weights / (vectors.square() @ shrunk)[:, None]
        skills.append(_scored(fitted, wanted, guess, targets))
    return max(skills, key=lambda credit: float(credit.mean()))


def _scored(fitted: Tensor, wanted: Tensor, guess: float, targets: Tensor) -> Float[Tensor, " rows"]:
    if targets.dtype.is_floating_point:
        return 1 - (fitted - wanted).square().mean(1) / wanted.var(0, correction=0).mean()
    right = (fitted.argmax(1) == wanted.argmax(1)).double()
    return (right - guess) / (1 - guess) if guess < 1 else torch.zeros_like(right)
