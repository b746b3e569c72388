"""Packed weights: the layout that the core's products read. A run packs them itself; these are packed before."""

import torch
from torch import Tensor

from ...arrays import core_cell
from ...arrays.compiled import _core
from ...arrays.memory import address
from ..narrow_weights import NarrowWeights
from ..weights import Weights

Sizes = tuple[int, int, int, int, int]  # steps, rows, input, hidden, projected


def pack(cell_number: int, dtype_number: int, sizes: Sizes, addresses: tuple[int, ...]) -> Tensor:
    """The weights at these addresses (0 for none), packed into a new buffer of bytes."""
    size = _core.packed_bytes(cell_number, dtype_number, sizes)
    packed = torch.empty(size, dtype=torch.uint8, device="cpu")
    core_cell.pack(cell_number, dtype_number, sizes, addresses, packed.data_ptr())
    return packed


def packed_address(
    weights: Weights, cell_number: int, dtype_number: int, sizes: Sizes, addresses: tuple[int, ...]
) -> int:
    """Where trusted weights are packed, once; 0 for others, which each run packs: their numbers may have changed."""
    if not weights.trusted:
        return 0
    if weights.packed is None:
        sources = weights.packing_sources() if isinstance(weights, NarrowWeights) else None
        if sources is not None:
            addresses = tuple([address(source) for source in sources])
            diagonal = sources[1] if weights.cell.recurrent == "diagonal" else None
            addresses = core_cell.in_core_order(addresses, diagonal, weights.hidden_size)
        weights.packed = pack(cell_number, dtype_number, sizes, addresses)
    return weights.packed.data_ptr()
