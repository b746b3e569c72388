"""Evaluation on the dev set during a training, or by a function of the caller's own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ..tasks.measure import Measured
from . import randomness
from .state import TrainingState

Dev = Sequence[Any] | Callable[[Any], Mapping[str, float]]


def evaluate(state: TrainingState, dev: Dev, *, keep_best: bool) -> dict[str, dict[str, float]]:
    """The "metrics" of the weights that would be kept now, as "best" too where they are; generators and modes stay.

    keep_best: the state remembers the weights if none so far were better by the first metric: the higher the better,
        unless the task says otherwise.
    """
    task, before = state.task, state.best
    weights = {name: tensor.clone() for name, tensor in task.state_dict().items()}
    with randomness.untouched(), torch.no_grad():
        try:
            state.take_average()
            task.eval()
            metrics = dev(task) if callable(dev) else _measured(task, dev)
            if keep_best:
                state.note_best(metrics, higher_is_better=callable(dev) or _first_rises(task))
        finally:
            task.load_state_dict(weights)
            task.train()
    values = {name: float(value) for name, value in metrics.items()}
    return {"metrics": values} | ({} if state.best is before else {"best": values})


def _measured(task: Any, items: Sequence[Any]) -> Mapping[str, float]:
    measured: Measured = task
    return measured.measure(items).values()


def _first_rises(task: Measured | Any) -> bool:
    return bool(task.metrics[0].higher_is_better)
