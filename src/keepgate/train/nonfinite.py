"""Non-finite losses, gradients and weights, named by the first tensor with one, and diverged losses."""

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingStopped
from ..tasks.task import Trainable
from .config import TrainingConfig


def refuse_weights(task: Trainable, step: int, last: str) -> None:
    """Raises TrainingStopped if a weight is not finite, so that it is neither saved nor kept."""
    if not all(bool(torch.isfinite(weight).all()) for weight in task.parameters()):
        raise stopped(task, step, last)


def refuse_divergence(config: TrainingConfig, step: int, first: float, last: float, checkpoint: str) -> None:
    """Raises TrainingStopped if the loss ended far above where it began: such weights are worse than none.

    first: the loss before the first step; last: its mean over the last steps logged, in nats.
    """
    if last > max(2 * first, first + 1):
        raise TrainingStopped(
            f"the loss began at {first:.3g} nats and is {last:.3g} after {step} steps: the training has diverged and "
            f"no model is kept; {checkpoint}. Try a learning_rate below {config.learning_rate:g} or a longer warmup"
        )


def stopped(
    task: Trainable, step: int, last: str, *, batch: Any = None, loss: Tensor | None = None
) -> TrainingStopped:
    """The error that names the step and the first tensor that is not finite: input, weight, loss or gradient.

    last: the last good checkpoint, in words.
    """
    name, tensor = next(
        ((name, tensor) for name, tensor in _named(task, batch, loss) if not torch.isfinite(tensor).all()),
        # Each gradient is finite, and the squares of all together are not.
        ("norm of all gradients", torch.tensor(math.inf)),
    )
    count = int((~torch.isfinite(tensor)).sum())
    return TrainingStopped(
        f"step {step}: {name} is NaN or infinite ({count} of {tensor.numel()} values); {last}. "
        "Try a lower learning_rate, a lower max_grad_norm or a longer warmup, and look at the data of that step"
    )


def _inputs(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors with fractions in a batch, or in a part of it, named by the way to them: "input text.features"."""
    if isinstance(value, Tensor) and value.is_floating_point():
        yield name, value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            way = f"{name}{field.name}" if name.endswith(" ") else f"{name}.{field.name}"
            yield from _inputs(getattr(value, field.name), way)


def _named(task: Trainable, batch: Any, loss: Tensor | None) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a step with their names, in the order in which a fault spreads."""
    yield from _inputs(batch, "input ")
    for name, parameter in task.named_parameters():
        yield f"weight {name}", parameter.detach()
    if loss is not None:
        yield "loss", loss.detach()
    for name, parameter in task.named_parameters():
        if parameter.grad is not None:
            yield f"gradient of {name}", parameter.grad
