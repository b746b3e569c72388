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

    def apply(
        self, x: Float[Tensor, "time batch input"], weight_hh: Tensor | None
    ) -> tuple[Float[Tensor, "time batch input_and_masks"], Tensor | None]:
        """x with the unit inputs behind its columns, and the recurrent weights masked; differentiable."""
        masked = weight_hh if weight_hh is None or self.weight_hh is None else weight_hh * self.weight_hh
        return torch.cat([x, *self.unit_inputs], -1) if self.unit_inputs else x, masked


def random_mask(
    seed: Int[Tensor, ""] | int,
    shape: Sequence[int],
    distribution: MaskDistribution,
    like: Tensor,
    first_row: int = 0,
) -> Float[Tensor, "time batch units"]:
    """A mask whose numbers each depend on seed, stream, step, row and unit alone, with the dtype and device of `like`.

    seed: on the CPU; an int only where `without_dispatch(like)`. shape: [time, batch, units], or with one number less
    [time, units] of a batch of 1. first_row: what the first row counts as.
    """
    shape = [shape[0], 1, shape[1]] if len(shape) == 2 else list(shape)
    if isinstance(seed, int):
        return _drawn(seed, shape, distribution, like.dtype, first_row)
    double = like.dtype is torch.float64
    mask: Tensor = torch.ops.keepgate.random_mask(seed, shape, *distribution, first_row, double)
    return mask.to(like)


def without_dispatch(like: Tensor) -> bool:
    """Whether masks for this tensor can be drawn without torch's dispatch, which takes longer than a small mask."""
    return is_plain(like) and like.dtype in _TYPE_NUMBERS and not MISSING and no_interception()


def _drawn(
    seed: int, shape: Sequence[int], distribution: MaskDistribution, dtype: torch.dtype, first_row: int
) -> Tensor:
    steps, rows, units = shape
    mask = torch.empty(steps, rows, units, dtype=dtype, device="cpu")
    array, threads = (mask.data_ptr(), rows * units, units), torch.get_num_threads()
    _core.random_mask(
        _TYPE_NUMBERS[dtype], array, (steps, rows, units), threads, seed, *distribution, first_row
    )
    return mask


def _dtype(double: bool) -> torch.dtype:
    return torch.float64 if double else torch.float32


def _draw(seed: Tensor, shape: list[int], *numbers: Any) -> Tensor:
    if MISSING:
        raise KernelRefused(f"{MISSING}, and it alone draws masks")
    *distribution, first_row, double = numbers
    return _drawn(int(seed), shape, MaskDistribution(*distribution), _dtype(double), first_row)


def _fake(seed: Tensor, shape: list[int], *numbers: Any) -> Tensor:
    return seed.new_empty(shape, dtype=_dtype(numbers[-1]))


def _vmap(_: Any, in_dims: Sequence[Any], seed: Tensor, *others: Any) -> tuple[Tensor, int]:
    """One mask for each seed, as `vmap(randomness="different")` draws them."""
    assert in_dims[0] is not None
    return torch.stack([torch.ops.keepgate.random_mask(each, *others) for each in seed.unbind(in_dims[0])]), 0


_LIBRARY.impl("random_mask", _draw, "CPU")
torch.library.register_fake("keepgate::random_mask", _fake, lib=_LIBRARY)
torch.library.register_vmap("keepgate::random_mask", _vmap, lib=_LIBRARY)
