"""torch.func.vmap over a call: a stack of batches is one larger batch where all share the weights, else a loop."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .call_spec import Spec

Places = Sequence[int | None]


def tensor_rows(spec: Spec) -> list[int | None]:
    """By which dimension each of a call's tensors counts rows; None for weights."""
    weights = [None] * 5
    return [1, *weights, *[0] * len(spec.cell.states), *[None] * len(spec.cell.vectors), 0, 1]


def result_rows(spec: Spec) -> list[int | None]:
    """The same for output, final states and planes."""
    return [1, *[0] * len(spec.cell.states), 2]


def mapped(
    run: Callable[..., tuple[Tensor, ...]],
    size: int,
    stacked: Places,
    tensors: Sequence[Tensor | None],
    rows: Places,
    results: Places,
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """What `run(*tensors)` gives for each of `size` stacked calls, and by which dimension they are stacked now.

    stacked: by which dimension each tensor is stacked, None for one that all calls share.
    rows, results: by which dimension each tensor and each result counts rows, None for weights and their gradients.
    """
    shared = all(place is None for place, row in zip(stacked, rows, strict=True) if row is None)
    if shared and None not in results:
        folded = [_folded(*one, size) for one in zip(tensors, stacked, rows, strict=True)]
        places = tuple(row for row in results if row is not None)
        found = zip(run(*folded), places, strict=False)
        return tuple(torch.unflatten(result, row, (size, -1)) for result, row in found), places
    each = [run(*[_at(index, *one) for one in zip(tensors, stacked, strict=True)]) for index in range(size)]
    together = tuple(torch.stack(parts) for parts in zip(*each, strict=True))
    return together, (0,) * len(together)


def _folded(tensor: Tensor | None, place: int | None, row: int | None, size: int) -> Tensor | None:
    if tensor is None or row is None:
        return tensor
    if place is None:
        tensor = tensor.unsqueeze(row).expand(*tensor.shape[:row], size, *tensor.shape[row:])
    else:
        tensor = tensor.movedim(place, row)
    return tensor.flatten(row, row + 1)


def _at(index: int, tensor: Tensor | None, place: int | None) -> Tensor | None:
    return tensor if tensor is None or place is None else tensor.select(place, index)
