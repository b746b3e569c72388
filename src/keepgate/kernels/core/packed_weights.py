"""Packed weights: the layout that the core's products read, cached as long as the weights live and do not change."""

import weakref
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ... import _core
from .openmp_threads import share_torch_threads_once

Sizes = tuple[int, int, int, int, int]  # steps, rows, input, hidden, projected


class _Entry(NamedTuple):
    layout: tuple[int, ...]  # cell number, dtype number, sizes and addresses of the weights
    arrays: tuple[tuple[int, int], ...]  # address and bytes of each weight
    fingerprint: int
    packed: Tensor
    owner: "weakref.ref[Tensor]"


# Keyed by id(weight_ih), whose death removes the entry. Entries are immutable: changed weights make a new one, since
# another thread may still read the old buffer. The cache hangs on no layer, so none of it is copied or pickled.
_CACHE: dict[int, _Entry] = {}


def pack(
    cell_number: int,
    dtype_number: int,
    sizes: Sizes,
    addresses: tuple[int, ...],
    into: Tensor | None = None,
) -> Tensor:
    """The weights at these addresses (0 for none), packed into `into`, or into a new buffer of bytes.

    Whatever the core computes is packed for first, so here it is given its threads.
    """
    share_torch_threads_once()
    if into is None:
        into = torch.empty(
            _core.packed_bytes(cell_number, dtype_number, sizes), dtype=torch.uint8, device="cpu"
        )
    _core.pack(cell_number, dtype_number, sizes, addresses, into.data_ptr(), torch.get_num_threads())
    return into


def cached_pack(
    cell_number: int,
    dtype_number: int,
    sizes: Sizes,
    addresses: tuple[int, ...],
    weights: Sequence[Tensor | None],
) -> Tensor:
    """`pack`, or the cached buffer of an earlier call if no byte of the weights has changed since.

    Every byte is fingerprinted on every call: `p.data.mul_()` and writes through numpy change no version counter.
    """
    owner = weights[0]
    assert owner is not None
    key, layout = id(owner), (cell_number, dtype_number, *sizes[2:], *addresses)
    entry = _CACHE.get(key)
    if entry is not None and entry.layout == layout and _core.fingerprint(entry.arrays) == entry.fingerprint:
        return entry.packed
    arrays = tuple([(weight.data_ptr(), weight.nbytes) for weight in weights if weight is not None])
    # Before packing: a concurrent write between the two is then noticed by the next call.
    fingerprint = _core.fingerprint(arrays)
    packed = pack(cell_number, dtype_number, sizes, addresses)
    _CACHE[key] = _Entry(
        layout, arrays, fingerprint, packed, weakref.ref(owner, lambda _: _CACHE.pop(key, None))
    )
    return packed
