"""Batches of tensors on a device, and predictions over batches of items of similar length."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Self, TypeVar

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from ..data.batch import by_length
from ..nn.eval_mode import eval_mode

P = TypeVar("P")


class TensorBatch:
    """The base of the frozen dataclasses that hold a batch: fields are tensors, such batches, or None."""

    def to(self, device: torch.device | str) -> Self:
        """The same on this device; lengths stay on the processor, where the layers want them."""
        names = [field.name for field in fields(self) if not field.name.endswith("lengths")]  # type: ignore[arg-type]
        parts = {name: getattr(self, name) for name in names}
        moved = {name: part if part is None else part.to(device) for name, part in parts.items()}
        return replace(self, **moved)  # type: ignore[type-var]


def complete(numbers: Sequence[int | None]) -> Int64[Tensor, " rows"] | None:
    """The numbers as a tensor; None if one of them is missing."""
    present = [number for number in numbers if number is not None]
    return torch.tensor(present, dtype=torch.int64) if len(present) == len(numbers) else None


def in_batches(
    task: Any,
    items: Sequence[Any],
    predict: Callable[[Any, list[int]], Sequence[P]],
    *,
    batch_size: int,
    tokens_at_once: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[P]:
    """One prediction for each item, in order: of its example, as `examples_in_batches`.

    Raises CorpusError for an item in which there is nothing to read.
    """
    examples = task.prepare(items, training=False)
    return examples_in_batches(
        task, examples, predict, batch_size=batch_size, tokens_at_once=tokens_at_once, on_progress=on_progress
    )


def examples_in_batches(
    task: Any,
    examples: Sequence[Any],
    predict: Callable[[Any, list[int]], Sequence[P]],
    *,
    batch_size: int,
    tokens_at_once: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[P]:
    """One prediction for each example, in order, without dropout or gradients; the task's mode stays as it was.

    predict: from a batch on the task's device, and the places of its examples, to one prediction for each.
    tokens_at_once: steps times rows of a batch, so that long texts do not fill the memory.
    on_progress: is told how many examples are done.
    """
    predictions: dict[int, P] = {}
    device = next(task.parameters()).device
    with torch.no_grad(), eval_mode(task):
        for rows in by_length([example.length for example in examples], batch_size, tokens_at_once):
            batch = task.collate([examples[row] for row in rows]).to(device)
            predictions.update(zip(rows, predict(batch, rows), strict=True))
            if on_progress is not None:
                on_progress(len(predictions))
    return [predictions[row] for row in range(len(examples))]


def in_full_precision(tensor: Tensor) -> Tensor:
    """The tensor in float32 where it has fewer bits; float64 stays."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def numbers_of(tensor: Tensor) -> NDArray[np.floating]:
    """A tensor's numbers as an array on the processor, without gradient, in float32 at least."""
    values: NDArray[np.floating] = in_full_precision(tensor.detach()).cpu().numpy()
    return values
