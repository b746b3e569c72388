"""vmap rules of a call: vmapped calls with shared weights become one call with a larger batch, others a loop."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..torch_internals import add_batch_dim, is_legacy_batched, legacy_vmap_level, remove_batch_dim
from .call_spec import CallSpec

Dims = Sequence[int | None]


def tensor_batch_dims(spec: CallSpec) -> list[int | None]:
    """The batch dimension of each of a call's tensors, in flat order; None for weights."""
    weights = [None] * 5
    return [1, *weights, *[0] * len(spec.cell.states), *[None] * len(spec.cell.vectors), 0, 1]


def result_batch_dims(spec: CallSpec) -> list[int | None]:
    """The batch dimension of output, final states and planes."""
    return [1, *[0] * len(spec.cell.states), 2]


def vmap_rule(
    run: Callable[..., tuple[Tensor, ...]],
    size: int,
    in_dims: Dims,
    tensors: Sequence[Tensor | None],
    batch_dims: Dims,
    result_dims: Dims,
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """The results of `run(*tensors)` for each of `size` vmapped calls, and the results' vmap dimensions.

    in_dims: the vmap dimension of each tensor, None for one that all calls share.
    batch_dims, result_dims: the batch dimension of each tensor and result, None for weights and their gradients.
    """
    shared = all(in_dim is None for in_dim, dim in zip(in_dims, batch_dims, strict=True) if dim is None)
    if shared and None not in result_dims:
        folded = [_folded(*tensor, size) for tensor in zip(tensors, in_dims, batch_dims, strict=True)]
        dims = tuple(dim for dim in result_dims if dim is not None)
        results = zip(run(*folded), dims, strict=False)
        return tuple(torch.unflatten(result, dim, (size, -1)) for result, dim in results), dims
    runs = [run(*[_at(index, *t) for t in zip(tensors, in_dims, strict=True)]) for index in range(size)]
    stacked = tuple(torch.stack(parts) for parts in zip(*runs, strict=True))
    return stacked, (0,) * len(stacked)


def through_legacy_vmap(
    run: Callable[[Sequence[Tensor | None]], Sequence[Tensor | None]],
    tensors: Sequence[Tensor | None],
    level: int | None = None,
) -> list[Tensor | None]:
    """`run(tensors)` where torch's legacy vmap may have batched some tensors: each of its levels by `torch.func.vmap`.

    level: the innermost level that may still be batched, or None for the active one.
    """
    level = legacy_vmap_level() if level is None else level
    if level == 0 or not any(tensor is not None and is_legacy_batched(tensor) for tensor in tensors):
        return list(run(tensors))
    # A tensor that is not batched at this level gets a dimension of the size that is given, here 1.
    stacked = [None if tensor is None else remove_batch_dim(tensor, level, 1, 0) for tensor in tensors]
    size = max(len(tensor) for tensor in stacked if tensor is not None)
    present = [tensor.expand(size, *tensor.shape[1:]) for tensor in stacked if tensor is not None]
    absent: list[bool] = []

    def run_present(present: list[Tensor]) -> list[Tensor]:
        remaining = iter(present)
        results = run([None if tensor is None else next(remaining) for tensor in tensors])
        absent[:] = [result is None for result in results]
        return [result for result in results if result is not None]

    results = iter(
        through_legacy_vmap(
            lambda stacked: torch.func.vmap(run_present)([*map(_present, stacked)]), present, level - 1
        )
    )
    return [None if none else add_batch_dim(_present(next(results)), 0, level) for none in absent]


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


def _folded(tensor: Tensor | None, in_dim: int | None, batch_dim: int | None, size: int) -> Tensor | None:
    """The vmap dimension merged into the batch dimension; a shared tensor is repeated."""
    if tensor is None or batch_dim is None:
        return tensor
    if in_dim is None:
        tensor = tensor.unsqueeze(batch_dim).expand(
            *tensor.shape[:batch_dim], size, *tensor.shape[batch_dim:]
        )
    else:
        tensor = tensor.movedim(in_dim, batch_dim)
    return tensor.flatten(batch_dim, batch_dim + 1)


def _at(index: int, tensor: Tensor | None, in_dim: int | None) -> Tensor | None:
    return tensor if tensor is None or in_dim is None else tensor.select(in_dim, index)
