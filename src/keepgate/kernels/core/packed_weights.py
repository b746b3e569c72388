"""Packed weights: the layout that the core's products read. A run packs them itself; these are packed before."""

import torch
from torch import Tensor

from ... import _core
from ..weights import Weights

Sizes = tuple[int, int, int, int, int]  # steps, rows, input, hidden, projected


def pack(cell_number: int, dtype_number: int, sizes: Sizes, addresses: tuple[int, ...]) -> Tensor:
    """The weights at these addresses (0 for none), packed into a new buffer of bytes."""
    size = _core.packed_bytes(cell_number, dtype_number, sizes)
    packed = torch.empty(size, dtype=torch.uint8, device="cpu")
    no_array, without_steps = (0, 0, 0), (0, 0, *sizes[2:])
    _core.Forward(
        cell_number, dtype_number, without_steps, 1, False, False, no_array, 0, 0, (), (), addresses,
        packed.data_ptr(), no_array, (),
    ).run()  # fmt: skip
    return packed


def packed_address(
    weights: Weights, cell_number: int, dtype_number: int, sizes: Sizes, addresses: tuple[int, ...]
) -> int:
    """Where trusted weights are packed, once; 0 for others, which each run packs: their numbers may have changed."""
    if not weights.trusted:
        return 0
    if weights.packed is None:
        weights.packed = pack(cell_number, dtype_number, sizes, addresses)
    return weights.packed.data_ptr()
