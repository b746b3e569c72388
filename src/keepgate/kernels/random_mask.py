"""Random masks of the core's counter-based generator, as an operator that torch.compile and torch.export record."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..arrays.compiled import MISSING, _core
from ..errors import KernelRefused

_LIBRARY: Any = torch.library.Library("keepgate", "FRAGMENT")  # type: ignore[no-untyped-call]
_LIBRARY.define(
    "random_mask(Tensor seed, int[] shape, int stream, float probability, float below, float otherwise, bool double) "
    "-> Tensor"
)


def random_mask(
    seed: Int[Tensor, ""],
    shape: Sequence[int],
    *,
    stream: int,
    probability: float,
    below: float,
    otherwise: float,
    dtype: torch.dtype,
) -> Float[Tensor, "time batch units"]:
    """`below` with a probability, else `otherwise`; a number depends on seed, stream, step, row and unit alone.

    seed: on the CPU. dtype: float64, or another, of which the numbers are drawn in float32.
    """
    double = dtype is torch.float64
    mask: Tensor = torch.ops.keepgate.random_mask(
        seed, list(shape), stream, probability, below, otherwise, double
    )
    return mask.to(dtype)


def _dtype(double: bool) -> torch.dtype:
    return torch.float64 if double else torch.float32


def _draw(seed: Tensor, shape: list[int], *numbers: Any) -> Tensor:
    if MISSING:
        raise KernelRefused(f"{MISSING}, and it alone draws masks")
    *_, double = numbers
    steps, rows, units = shape
    mask = torch.empty(steps, rows, units, dtype=_dtype(double), device="cpu")
    array = mask.data_ptr(), rows * units, units
    _core.random_mask(int(double), array, (steps, rows, units), int(seed), *numbers[:-1])
    return mask


def _fake(seed: Tensor, shape: list[int], *numbers: Any) -> Tensor:
    return seed.new_empty(shape, dtype=_dtype(numbers[-1]))


def _vmap(_: Any, in_dims: Sequence[Any], seed: Tensor, *others: Any) -> tuple[Tensor, int]:
    """One mask for each seed, as `vmap(randomness="different")` draws them."""
    assert in_dims[0] is not None
    return torch.stack([torch.ops.keepgate.random_mask(each, *others) for each in seed.unbind(in_dims[0])]), 0


_LIBRARY.impl("random_mask", _draw, "CPU")
torch.library.register_fake("keepgate::random_mask", _fake, lib=_LIBRARY)
torch.library.register_vmap("keepgate::random_mask", _vmap, lib=_LIBRARY)
