"""torch.func.vmap over a call: a stack of batches is one larger batch where all share the weights, else a loop."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..torch_internals import add_batch_dim, is_legacy_batched, legacy_vmap_level, remove_batch_dim
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


def through_older_vmap(
    run: Callable[[Sequence[Tensor | None]], Sequence[Tensor | None]],
    tensors: Sequence[Tensor | None],
    level: int | None = None,
) -> list[Tensor | None]:
    """`run(tensors)` where torch's older vmap may have stacked some tensors: each of its levels by `torch.func.vmap`.

    level: the innermost level that may still be stacked, or None for the one that is active.
    """
    level = legacy_vmap_level() if level is None else level
    if level == 0 or not any(tensor is not None and is_legacy_batched(tensor) for tensor in tensors):
        return list(run(tensors))
    # Where a tensor is not stacked at this level, it gets a dimension of the size that is given, here 1.
    stacked = [None if tensor is None else remove_batch_dim(tensor, level, 1, 0) for tensor in tensors]
    size = max(len(tensor) for tensor in stacked if tensor is not None)
    there = [tensor.expand(size, *tensor.shape[1:]) for tensor in stacked if tensor is not None]
    absent: list[bool] = []

    def each(there: list[Tensor]) -> list[Tensor]:
        remaining = iter(there)
        results = run([None if tensor is None else next(remaining) for tensor in tensors])
        absent[:] = [result is None for result in results]
        return [result for result in results if result is not None]

    results = iter(through_older_vmap(lambda stacked: torch.func.vmap(each)(list(stacked)), there, level - 1))
    return [None if none else add_batch_dim(_present(next(results)), 0, level) for none in absent]


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


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
