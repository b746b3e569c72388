"""The C++ core as operators of torch.library, for torch.compile, torch.export and whatever else dispatches."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import cells
from . import addresses
from .addresses import room
from .call import Call
from .spec import Spec, tensors_of

# Defined when imported, since a program that torch.export saved names them before any layer of ours has run.
LIBRARY: Any = torch.library.Library("keepgate", "FRAGMENT")  # type: ignore[no-untyped-call]

# tensors: as `tensors_of` lists them. What comes back: output, final states and, with `keep`, the planes.
LIBRARY.define("sequence(Tensor?[] tensors, str cell, bool reverse, bool trace, bool keep) -> Tensor[]")

# upstream: the gradients of output and final states. What comes back: the gradients of the wanted tensors.
LIBRARY.define(
    "sequence_backward(Tensor?[] tensors, Tensor output, Tensor planes, Tensor?[] upstream, bool[] wanted, "
    "str cell, bool reverse) -> Tensor[]"
)
Tensors = Sequence[Tensor | None]


def forward(call: Call, *, keep: bool) -> tuple[Tensor, ...]:
    """`addresses.forward`, by the operator where something stands between Python and memory."""
    if _plain(call):
        return addresses.forward(call, keep=keep)
    return tuple(
        torch.ops.keepgate.sequence(list(tensors_of(call)), call.cell.name, call.reverse, call.trace, keep)
    )


def backward(
    spec: Spec, tensors: Tensors, output: Tensor, planes: Tensor, upstream: Tensors, wanted: Sequence[bool]
) -> list[Tensor]:
    """The gradients of the wanted tensors, by the operator where something stands between Python and memory."""
    call = spec.call(tensors)
    if _plain(call):
        found = addresses.backward(call, output, planes, upstream[0], upstream[1:], wanted)
        return [gradient for gradient in found if gradient is not None]
    return torch.ops.keepgate.sequence_backward(
        list(tensors), output, planes, list(upstream), list(wanted), spec.cell.name, spec.reverse
    )


def _plain(call: Call) -> bool:
    """Whether the call's tensors are memory and nothing looks on: no torch.compile, no fake tensors, no modes."""
    return (
        not torch.compiler.is_compiling()
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and type(call.x) in _MEMORY
        and type(call.weight_ih) in _MEMORY
    )


_MEMORY = (Tensor, torch.nn.Parameter)


def _sequence(tensors: Tensors, cell: str, reverse: bool, trace: bool, keep: bool) -> list[Tensor]:
    call = Spec(cells.by_name(cell), reverse, trace).call(tensors)
    return list(addresses.forward(call, keep=keep))


def _sequence_fake(tensors: Tensors, cell: str, reverse: bool, trace: bool, keep: bool) -> list[Tensor]:
    call = Spec(cells.by_name(cell), reverse, trace).call(tensors)
    output, final, planes = room(call, keep=keep)
    return [output, *final, *([] if planes is None else [planes])]


def _backward(
    tensors: Tensors,
    output: Tensor,
    planes: Tensor,
    upstream: Tensors,
    wanted: Sequence[bool],
    cell: str,
    reverse: bool,
) -> list[Tensor]:
    call = Spec(cells.by_name(cell), reverse, False).call(tensors)
    found = addresses.backward(call, output, planes, upstream[0], upstream[1:], wanted)
    return [gradient for gradient in found if gradient is not None]


def _backward_fake(
    tensors: Tensors, _output: Tensor, _planes: Tensor, _upstream: Tensors, wanted: Sequence[bool], *_: object
) -> list[Tensor]:
    return [t.new_empty(t.shape) for t, want in zip(tensors, wanted, strict=True) if want and t is not None]


LIBRARY.impl("sequence", _sequence, "CPU")
LIBRARY.impl("sequence_backward", _backward, "CPU")
torch.library.register_fake("keepgate::sequence", _sequence_fake, lib=LIBRARY)
torch.library.register_fake("keepgate::sequence_backward", _backward_fake, lib=LIBRARY)
