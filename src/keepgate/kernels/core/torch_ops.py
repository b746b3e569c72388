"""The C++ core as operators of torch.library, for torch.compile, torch.export and whatever else dispatches."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..call import Call
from ..torch_internals import dispatch_mode_depth
from . import arguments as addresses
from .arguments import Arrays, room
from .call_spec import Spec, spread, tensors_of
from .program import cell_of_operator, known

# Defined when imported, since a program that torch.export saved names them before any layer of ours has run.
LIBRARY: Any = torch.library.Library("keepgate", "FRAGMENT")  # type: ignore[no-untyped-call]

_TENSORS = (
    "Tensor x, Tensor weight_ih, Tensor? weight_hh, Tensor? bias_ih, Tensor? bias_hh, Tensor? weight_hr, "
    "Tensor[] states, Tensor[] vectors, Tensor? lengths, Tensor? resets, str cell, bool reverse"
)
# What comes back: output, final states and, with `keep`, the planes.
LIBRARY.define(f"sequence({_TENSORS}, bool trace, bool keep) -> Tensor[]")
# upstream: the gradients of output and final states. What comes back: the gradients of the wanted tensors.
LIBRARY.define(
    f"sequence_backward({_TENSORS}, Tensor output, Tensor planes, Tensor?[] upstream, bool[] wanted) -> Tensor[]"
)
Tensors = Sequence[Tensor | None]


def forward(call: Call, *, keep: bool, again: bool) -> tuple[Tensor, ...]:
    """`addresses.forward`, by the operator where something stands between Python and memory."""
    if _plain(call):
        return addresses.forward(Arrays.of(call), call.into, keep=keep, again=again)
    return dispatched(call, keep=keep)


def dispatched(call: Call, *, keep: bool) -> tuple[Tensor, ...]:
    """The same by the operator, as torch.compile sees it."""
    return tuple(torch.ops.keepgate.sequence(*_arguments(call), call.trace, keep))


def backward(
    call: Call, output: Tensor, planes: Tensor, upstream: Tensors, wanted: Sequence[bool]
) -> list[Tensor | None]:
    """`addresses.backward`, by the operator where something stands between Python and memory."""
    if _plain(call):
        return addresses.backward(Arrays.of(call), output, planes, upstream[0], upstream[1:], wanted)
    given = *_arguments(call), output, planes, list(upstream), list(wanted)
    return spread(torch.ops.keepgate.sequence_backward(*given), wanted)


def _plain(call: Call) -> bool:
    """Whether the call's tensors are memory and nothing looks on: no fake tensors, no modes of dispatch."""
    return dispatch_mode_depth() == 0 and type(call.x) in _MEMORY and type(call.weight_ih) in _MEMORY


_MEMORY = (Tensor, torch.nn.Parameter)


def _arguments(call: Call) -> tuple[Any, ...]:
    return (
        call.x, call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh, call.weight_hr, list(call.states),
        list(call.vectors), call.lengths, call.resets, known(call.cell).operator_name, call.reverse,
    )  # fmt: skip


def call_of(arguments: Sequence[Any], *, trace: bool) -> Call:
    """The call whose tensors, cell and direction an operator was given."""
    *weights, states, vectors, lengths, resets, cell, reverse = arguments[:12]
    return Spec(cell_of_operator(cell), reverse, trace).call([*weights, *states, *vectors, lengths, resets])


def _sequence(*arguments: Any) -> list[Tensor]:
    *_, trace, keep = arguments
    arrays = Arrays.of(call_of(arguments, trace=trace))
    return list(addresses.forward(arrays, keep=keep, again=not keep))


def _sequence_fake(*arguments: Any) -> list[Tensor]:
    *_, trace, keep = arguments
    call = call_of(arguments, trace=trace)
    states = [state.contiguous() for state in call.states]
    output, final, planes = room(call.weights, call.x, states, None, keep=keep)
    return [output, *final, *([] if planes is None else [planes])]


def _backward(*arguments: Any) -> list[Tensor]:
    *_, output, planes, upstream, wanted = arguments
    arrays = Arrays.of(call_of(arguments, trace=False))
    found = addresses.backward(arrays, output, planes, upstream[0], upstream[1:], wanted)
    return [gradient for gradient in found if gradient is not None]


def _backward_fake(*arguments: Any) -> list[Tensor]:
    tensors, wanted = tensors_of(call_of(arguments, trace=False)), arguments[-1]
    return [t.new_empty(t.shape) for t, want in zip(tensors, wanted, strict=True) if want and t is not None]


LIBRARY.impl("sequence", _sequence, "CPU")
LIBRARY.impl("sequence_backward", _backward, "CPU")
torch.library.register_fake("keepgate::sequence", _sequence_fake, lib=LIBRARY)
torch.library.register_fake("keepgate::sequence_backward", _backward_fake, lib=LIBRARY)
