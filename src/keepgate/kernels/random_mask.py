"""Random masks of the core's counter-based generator, alone and as an operator that torch.compile and export record."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..arrays.compiled import MISSING, _core
from ..errors import KernelRefused
from .tracing_state import no_interception
from .weights import is_plain

_TYPE_NUMBERS = {torch.float32: 0, torch.float64: 1}

_LIBRARY: Any = torch.library.Library("keepgate", "FRAGMENT")  # type: ignore[no-untyped-call]
_LIBRARY.define(
    "random_mask(Tensor seed, int[] shape, int stream, float probability, float below, float otherwise, int first_row, "
    "bool double) -> Tensor"
)


class MaskDistribution(NamedTuple):
    """`below` with a probability, else `otherwise`; masks of one seed and different streams are independent."""

    stream: int
    probability: float
    below: float
    otherwise: float


class DrawnMasks(NamedTuple):
    """The masks of one layer and direction. unit_inputs: the cell's, [time, batch, units] each.

    weight_hh: of the recurrent weights, None where these are as they are.
    """

    unit_inputs: tuple[Tensor, ...]
    weight_hh: Tensor | None

    def apply(self, x: Tensor, weight_hh: Any) -> tuple[Tensor, Any]:
        """x with the unit inputs behind its columns, and the recurrent weights masked; differentiable."""
        masked = weight_hh if self.weight_hh is None else weight_hh * self.weight_hh
        return torch.cat([x, *self.unit_inputs], -1), masked


def draw_mask(
    seed: int, shape: Sequence[int], distribution: MaskDistribution, dtype: torch.dtype, first_row: int = 0
) -> Float[Tensor, "time batch units"]:
    """`random_mask` on the CPU in float32 or float64, without torch's dispatch, which costs more than a small mask."""
    steps, rows, units = shape
    mask = torch.empty(steps, rows, units, dtype=dtype, device="cpu")
    array, threads = (mask.data_ptr(), rows * units, units), torch.get_num_threads()
    _core.random_mask(
        _TYPE_NUMBERS[dtype], array, (steps, rows, units), threads, seed, *distribution, first_row
    )
    return mask


def random_mask(
    seed: Int[Tensor, ""],
    shape: Sequence[int],
    distribution: MaskDistribution,
    like: Tensor,
    first_row: int = 0,
) -> Float[Tensor, "time batch units"]:
    """A mask whose numbers each depend on seed, stream, step, row and unit alone, with the dtype and device of `like`.

    seed: on the CPU. shape: [time, batch, units], or with one number less [time, units] of a batch of 1.
    first_row: what the first row counts as.
    """
    shape = [shape[0], 1, shape[1]] if len(shape) == 2 else list(shape)
    double = like.dtype is torch.float64
    mask: Tensor = torch.ops.keepgate.random_mask(seed, shape, *distribution, first_row, double)
    return mask.to(like)


def append_masks(
    x: Float[Tensor, "time batch input"],
    seed: Int[Tensor, ""],
    units: int,
    masks: Sequence[tuple[MaskDistribution, bool]],
    first_row: int = 0,
) -> Float[Tensor, "time batch input_and_masks"]:
    """x, and behind its columns those of each mask, as `random_mask` draws it.

    masks: with each, whether it is the same at all steps. first_row: what the first row of x counts as.
    """
    steps, rows, _ = x.shape
    if not is_plain(x) or x.dtype not in _TYPE_NUMBERS or MISSING or not no_interception():
        columns = [
            random_mask(seed, (1 if alike else steps, rows, units), distribution, x, first_row).expand(
                steps, -1, -1
            )
            for distribution, alike in masks
        ]
        return torch.cat([x, *columns], -1)
    if x.requires_grad and torch.is_grad_enabled():
        return _Appended.apply(x, int(seed), units, masks, first_row)  # type: ignore[no-untyped-call]
    return _append_in_place(x, int(seed), units, masks, first_row)


def _append_in_place(
    x: Tensor, seed: int, units: int, masks: Sequence[tuple[MaskDistribution, bool]], first_row: int
) -> Tensor:
    """Draws the masks where they are read, and without torch's dispatch: for a small layer that takes as long as the
    layer."""
    steps, rows, width = x.shape
    whole = width + len(masks) * units
    masked = x.new_empty(steps, rows, whole)
    masked.narrow(2, 0, width).copy_(x)
    start, threads, type_number = masked.data_ptr(), torch.get_num_threads(), _TYPE_NUMBERS[x.dtype]
    for first, (distribution, alike) in zip(range(width, whole, units), masks, strict=True):
        array, shape = (start + first * x.itemsize, rows * whole, whole), (1 if alike else steps, rows, units)
        _core.random_mask(type_number, array, shape, threads, seed, *distribution, first_row)
        if alike:
            part = masked.narrow(2, first, units)
            part[1:] = part[:1]
    return masked


class _Appended(torch.autograd.Function):
    """`_append_in_place` with the gradient of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *others: Any) -> Tensor:
        ctx.width = x.shape[2]
        return _append_in_place(x, *others)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        return gradient.narrow(2, 0, ctx.width), None, None, None, None


def _dtype(double: bool) -> torch.dtype:
    return torch.float64 if double else torch.float32


def _draw(seed: Tensor, shape: list[int], *numbers: Any) -> Tensor:
    if MISSING:
        raise KernelRefused(f"{MISSING}, and it alone draws masks")
    *distribution, first_row, double = numbers
    return draw_mask(int(seed), shape, MaskDistribution(*distribution), _dtype(double), first_row)


def _fake(seed: Tensor, shape: list[int], *numbers: Any) -> Tensor:
    return seed.new_empty(shape, dtype=_dtype(numbers[-1]))


def _vmap(_: Any, in_dims: Sequence[Any], seed: Tensor, *others: Any) -> tuple[Tensor, int]:
    """One mask for each seed, as `vmap(randomness="different")` draws them."""
    assert in_dims[0] is not None
    return torch.stack([torch.ops.keepgate.random_mask(each, *others) for each in seed.unbind(in_dims[0])]), 0


_LIBRARY.impl("random_mask", _draw, "CPU")
torch.library.register_fake("keepgate::random_mask", _fake, lib=_LIBRARY)
torch.library.register_vmap("keepgate::random_mask", _vmap, lib=_LIBRARY)
