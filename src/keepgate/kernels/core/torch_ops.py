"""The C++ core as operators of torch.library, for torch.compile, torch.export and dispatch modes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...arrays.core_cell import cell_of_operator, core_cell
from ..call import Call
from ..torch_internals import dispatch_mode_depth
from . import bfloat16_products
from .arguments import CoreInputs, allocate_outputs, run_backward, run_forward
from .call_spec import CallSpec, call_tensors, with_none

# Registered at import: a program that torch.export saved names them before any layer of ours has run.
LIBRARY: Any = torch.library.Library("keepgate", "FRAGMENT")  # type: ignore[no-untyped-call]

_TENSORS = (
    "Tensor x, Tensor weight_ih, Tensor? weight_hh, Tensor? bias_ih, Tensor? bias_hh, Tensor? weight_hr, "
    "Tensor[] states, Tensor[] vectors, Tensor? lengths, Tensor? resets, str cell, bool reverse"
)
# Returns output, final states and, with `save`, the planes.
LIBRARY.define(f"sequence({_TENSORS}, bool trace, bool save) -> Tensor[]")
# upstream: the gradients of output and final states. Returns the gradients of the wanted tensors.
LIBRARY.define(
    f"sequence_backward({_TENSORS}, Tensor output, Tensor planes, Tensor?[] upstream, bool[] wanted) -> Tensor[]"
)
Tensors = Sequence[Tensor | None]


def forward(call: Call, *, save: bool) -> tuple[Tensor, ...]:
    """`arguments.run_forward`, through the operator for fake tensors and under dispatch modes."""
    if call.bfloat16 and save:
        return bfloat16_products.forward(call)
    if _plain(call):
        return run_forward(CoreInputs.of(call), call.into, save=save)
    return call_operator(call, save=save)


def call_operator(call: Call, *, save: bool) -> tuple[Tensor, ...]:
    """The operator `keepgate::sequence` on a call: output, final states and, with `save`, planes."""
    return tuple(torch.ops.keepgate.sequence(*_arguments(call), call.trace, save))


def backward(
    call: Call, output: Tensor, planes: Tensor, upstream: Tensors, needs_grad: Sequence[bool]
) -> list[Tensor | None]:
    """`arguments.run_backward`, through the operator for fake tensors and under dispatch modes."""
    if call.bfloat16:
        return bfloat16_products.backward(call, output, planes, upstream, needs_grad)
    if _plain(call):
        return run_backward(CoreInputs.of(call), output, planes, upstream[0], upstream[1:], needs_grad)
    arguments = *_arguments(call), output, planes, list(upstream), list(needs_grad)
    return with_none(torch.ops.keepgate.sequence_backward(*arguments), needs_grad)


def _plain(call: Call) -> bool:
    """Whether the call's tensors are real and no dispatch mode is active."""
    return dispatch_mode_depth() == 0 and type(call.x) in _REAL and type(call.weights.form) in _REAL


_REAL = (Tensor, torch.nn.Parameter)


def _arguments(call: Call) -> tuple[Any, ...]:
    return (
        call.x, call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh, call.weight_hr, list(call.states),
        list(call.vectors), call.lengths, call.resets, core_cell(call.cell).operator_name, call.reverse,
    )  # fmt: skip


def call_of(arguments: Sequence[Any], *, trace: bool) -> Call:
    """The call of an operator's arguments."""
    *weights, states, vectors, lengths, resets, cell, reverse = arguments[:12]
    return CallSpec(cell_of_operator(cell), reverse, trace).call(
        [*weights, *states, *vectors, lengths, resets]
    )


def _sequence(*arguments: Any) -> list[Tensor]:
    *_, trace, save = arguments
    inputs = CoreInputs.of(call_of(arguments, trace=trace))
    return list(run_forward(inputs, save=save))


def _sequence_fake(*arguments: Any) -> list[Tensor]:
    *_, trace, save = arguments
    call = call_of(arguments, trace=trace)
    states = [state.contiguous() for state in call.states]
    output, final, planes = allocate_outputs(call.weights, call.x, states, None, save=save)
    return [output, *final, *([] if planes is None else [planes])]


def _backward(*arguments: Any) -> list[Tensor]:
    *_, output, planes, upstream, needs_grad = arguments
    inputs = CoreInputs.of(call_of(arguments, trace=False))
    gradients = run_backward(inputs, output, planes, upstream[0], upstream[1:], needs_grad)
    return [gradient for gradient in gradients if gradient is not None]


def _backward_fake(*arguments: Any) -> list[Tensor]:
    tensors, needs_grad = call_tensors(call_of(arguments, trace=False)), arguments[-1]
    return [
        t.new_empty(t.shape) for t, want in zip(tensors, needs_grad, strict=True) if want and t is not None
    ]


LIBRARY.impl("sequence", _sequence, "CPU")
LIBRARY.impl("sequence_backward", _backward, "CPU")
torch.library.register_fake("keepgate::sequence", _sequence_fake, lib=LIBRARY)
torch.library.register_fake("keepgate::sequence_backward", _backward_fake, lib=LIBRARY)
