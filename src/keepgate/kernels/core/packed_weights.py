"""Weights laid out as the C++ core reads them, kept for as long as they live and stay as they are."""

import weakref
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ... import _core

Sizes = tuple[int, int, int, int, int]  # steps, rows, input, hidden, projected


class _Pack(NamedTuple):
    layout: tuple[int, ...]  # the cell's number, the numbers' type, sizes and addresses of the weights
    arrays: tuple[tuple[int, int], ...]  # address and bytes of each
    fingerprint: int
    packed: Tensor
    owner: "weakref.ref[Tensor]"


# By the id of weight_ih, whose death ends the entry. An entry is never changed: weights that did make a new one, while
# another thread may still be reading the old buffer. Nothing of it hangs on a layer, so none is copied or pickled.
_PACKS: dict[int, _Pack] = {}


def pack(
    number: int, kind: int, sizes: Sizes, addresses: tuple[int, ...], into: Tensor | None = None
) -> Tensor:
    """The weights at these addresses (0 for none), packed into a buffer of an earlier time or a new one."""
    if into is None:
        into = torch.empty(_core.packed_bytes(number, kind, sizes), dtype=torch.uint8, device="cpu")
    _core.pack(number, kind, sizes, addresses, into.data_ptr(), torch.get_num_threads())
    return into


def packed(
    number: int,
    kind: int,
    sizes: Sizes,
    addresses: tuple[int, ...],
    weights: Sequence[Tensor | None],
) -> Tensor:
    """The same, the buffer of an earlier call if not a byte of the weights has changed since.

    The bytes are looked at every time: `p.data.mul_()` and writes through numpy leave no other sign.
    """
    owner = weights[0]
    assert owner is not None
    key, layout = id(owner), (number, kind, *sizes[2:], *addresses)
    known = _PACKS.get(key)
    if known is not None and known.layout == layout and _core.fingerprint(known.arrays) == known.fingerprint:
        return known.packed
    arrays = tuple([(weight.data_ptr(), weight.nbytes) for weight in weights if weight is not None])
    # Taken before packing: a write that falls between the two is noticed at the next call.
    fingerprint = _core.fingerprint(arrays)
    made = pack(number, kind, sizes, addresses)
    _PACKS[key] = _Pack(
        layout, arrays, fingerprint, made, weakref.ref(owner, lambda _: _PACKS.pop(key, None))
    )
    return made
