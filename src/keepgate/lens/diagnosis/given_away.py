"""Answers given away: targets that stand among what is read at the last step, or that one number there tells."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

# Targets are what is read if so many of them are; a number tells them from this skill on. Fewer rows say nothing.
SAME, TELLS, FEWEST = 0.99, 0.95, 30
# So many rows for each class, at least, to say how a number is spread in it.
EACH = 10


@dataclass(frozen=True, kw_only=True)
class GivenAway:
    """column: of what is read at the last step; None of tokens. same: whether the targets are what stands there.
    skill: how well it tells them, from 0 for guessing to 1."""

    column: int | None
    same: bool
    skill: float


def given_away(last: Tensor, targets: Tensor) -> GivenAway | None:
    """From each row's last step, tokens [rows] or numbers [rows, columns], and its one target; None where nothing there
    tells it, or where a row has several."""
    targets = targets.cpu().reshape(len(targets), -1)
    if targets.shape[1] != 1 or len(targets) < FEWEST or bool((targets == targets[0]).all()):
        return None
    target_column, tokens = targets[:, 0].double(), last.dim() == 1
    columns = (last.unsqueeze(1) if tokens else last.flatten(1)).cpu().double()
    same = torch.isclose(columns, target_column.unsqueeze(1), rtol=1e-6).double().mean(0)
    if float(same.max()) >= SAME:
        return GivenAway(column=None if tokens else int(same.argmax()), same=True, skill=1.0)
    # The only column of a series is its own past, which tells much of what comes, as it should.
    if tokens or columns.shape[1] < 2 or not last.dtype.is_floating_point:
        return None
    numbers = targets.dtype.is_floating_point
    skills = torch.stack(
        [_explained(each, target_column) if numbers else _told(each, targets[:, 0]) for each in columns.T]
    )
    best = int(skills.argmax())
    return (
        GivenAway(column=best, same=False, skill=float(skills[best]))
        if float(skills[best]) >= TELLS
        else None
    )


def _explained(column: Float[Tensor, " rows"], wanted: Float[Tensor, " rows"]) -> Tensor:
    """The share of the variance that a line through one column explains."""
    return torch.corrcoef(torch.stack([column, wanted]))[0, 1].square().nan_to_num(0.0)


def _told(column: Float[Tensor, " rows"], classes: Tensor) -> Tensor:
    """How often the class whose mean is nearest is right, from 0 for guessing to 1."""
    _, number, counts = torch.unique(classes, return_inverse=True, return_counts=True)
    if len(column) < EACH * len(counts):
        return torch.zeros((), dtype=torch.float64)
    means = torch.zeros(len(counts), dtype=torch.float64).index_add(0, number, column) / counts
    right = ((column.unsqueeze(1) - means).abs().argmin(1) == number).double().mean()
    guess = counts.max() / len(column)
    return (right - guess) / (1 - guess)
