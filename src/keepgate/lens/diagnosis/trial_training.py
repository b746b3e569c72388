"""Trial training: whether a few steps of training on half of the rows lower the loss on the other half."""

import copy
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .samples import Rows

# Steps of Adam and their size; after so many each the other half is looked at; of so many rows at most.
STEPS, RATE, EVERY, ROWS = 20, 0.005, 5, 256
# The loss falls noticeably by this share, and by so many standard errors.
FELL, ERRORS = 0.05, 3.0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """steps: of Adam, on half of the rows. fell: the share of the other half's loss that they took away.
    helps: whether that is noticeable."""

    steps: int
    fell: float
    helps: bool


def trial_training(samples: Sequence[Rows]) -> Trial | None:
    """Of a copy of the model, which stays as it is. None where it cannot be copied or trained, or for too few rows."""
    model = samples[0].model
    try:
        copied = copy.deepcopy(model)
    except (RuntimeError, TypeError, AttributeError):
        return None
    weights = [weight for weight in copied.parameters() if weight.requires_grad]
    if not weights or any(weight.dtype.itemsize < 4 for weight in weights):
        return None
    training_samples, validation_samples = _halves([replace(sample, model=copied) for sample in samples])
    if not training_samples:
        return None
    # Adam draws no random numbers, but the model may.
    devices = [weights[0].device] if weights[0].is_cuda else []
    with torch.random.fork_rng(devices), _backward_in_evaluation(), torch.enable_grad():
        return _trained(weights, training_samples, validation_samples)


def _trained(weights: list[Any], taught: list[Rows], asked: list[Rows]) -> Trial:
    optimiser, before = torch.optim.Adam(weights, RATE), _losses(asked)
    trial = Trial(steps=0, fell=0.0, helps=False)
    for step in range(1, STEPS + 1):
        optimiser.zero_grad()
        loss = torch.cat([rows.losses() for rows in taught]).mean()
        if not loss.requires_grad:
            return trial
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % EVERY == 0:
            gain = before - _losses(asked)
            error = float(gain.std(correction=0)) / math.sqrt(len(gain))
            fell = float(gain.mean() / before.mean())
            helps = fell > FELL and float(gain.mean()) > ERRORS * error
            trial = Trial(steps=step, fell=fell, helps=helps)
            if helps:
                break
    return trial


def _halves(samples: Sequence[Rows]) -> tuple[list[Rows], list[Rows]]:
    """Every other row of each batch, and those between; of as many batches as have `ROWS` rows."""
    training_samples, validation_samples, count = [], [], 0
    for sample in samples:
        rows = min(len(sample.lengths), ROWS - count)
        if rows < 2:
            continue
        count += rows
        training_samples.append(sample.picked(torch.arange(0, rows, 2)))
        validation_samples.append(sample.picked(torch.arange(1, rows, 2)))
    return training_samples, validation_samples


def _losses(samples: list[Rows]) -> Tensor:
    with torch.no_grad():
        return torch.cat([sample.losses() for sample in samples]).double().cpu()


def _backward_in_evaluation() -> AbstractContextManager[Any]:
    """cuDNN's recurrent layers have a gradient in training mode only; torch's own have it in either."""
    return torch.backends.cudnn.flags(enabled=False)
