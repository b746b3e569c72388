"""Repeated calls: whether a model answers the same rows otherwise when it is called again, and by what."""

import contextlib
import copy
import functools
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy
import torch
from torch import Tensor, nn

from .samples import Rows

Varies = Literal["state", "chance"]
# Answers differ if they do by more than this of their own spread.
CHANGED = 0.01


class _Again(nn.Module):
    """A model that is called twice and gives its second result, both times with the same random numbers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

        @functools.wraps(model.forward)  # the signature tells how inputs are given
        def twice(*inputs: Any, **named: Any) -> Any:
            with _seeded(0):
                model(*copy.deepcopy(inputs), **copy.deepcopy(named))
            with _seeded(0):
                return model(*inputs, **named)

        self.forward = twice


def varies(sample: Rows) -> Varies | None:
    """What changes the answers when the same rows are given again: something that the model keeps from call to call, or
    random numbers that it draws; None where nothing does."""
    first = _replies(sample, 0)
    if _differ(first, _replies(sample, 0)) or _differ(
        first, _replies(replace(sample, model=_Again(sample.model)), 0)
    ):
        return "state"
    return "chance" if _differ(first, _replies(sample, 1)) else None


def _replies(sample: Rows, seed: int) -> Tensor:
    """The answers, or the losses by a loss of the user's own, with random numbers from a seed."""
    with torch.no_grad(), _seeded(seed):
        return (sample.answered()[0] if sample.loss is None else sample.losses()).double().cpu()


def _differ(some: Tensor, others: Tensor) -> bool:
    return bool((some - others).abs().mean() > CHANGED * some.std(correction=0))


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Inside, all random numbers come from a seed; afterwards their generators are as they were."""
    python, array = random.getstate(), numpy.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        numpy.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            numpy.random.set_state(array)
