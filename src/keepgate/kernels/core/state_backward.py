"""Gradients by every state from the core's backward pass, which computes them on its way."""

from collections.abc import Sequence

from torch import Tensor

from ...arrays.compiled import _core
from ...arrays.core_cell import core_cell
from ..call import Call
from ..tracing_state import no_interception
from .arguments import DTYPE_NUMBERS, CoreInputs, run_backward, run_forward
from .call_spec import flatten_tensors
from .kernel import Cpu


def core_refusal_reason(call: Call) -> str | None:
    """Why the core cannot give the gradients by every state of this call, or None."""
    if not no_interception():
        return "a transform, a dispatch mode, autocast or a tracer of torch is active"
    if call.weights.narrow is not None:
        return f"the weights are quantized to {call.weights.narrow}, and the core has no gradients for these"
    return Cpu().refusal_reason(call)


def saved_bytes_per_step(call: Call) -> int:
    """Bytes that a forward pass saves of each step for backward: the output and the planes, padded to registers."""
    planes = len(core_cell(call.cell).planes) + (call.weight_hr is not None)
    units = _core.padded(call.hidden_size, DTYPE_NUMBERS[call.x.dtype])
    return (1 + planes) * call.rows * units * call.x.itemsize


def state_gradients(
    call: Call,
    d_output: Tensor | None,
    d_final: Sequence[Tensor],
    d_states: tuple[Tensor, ...],
    d_x: Tensor | None,
) -> list[Tensor]:
    """Fills `d_states` [time, batch, units] each and `d_x`; returns the gradients of `call.states`.

    d_states: zero beyond a row's length already, since the core writes real steps only.
    """
    inputs = CoreInputs.of(call)
    output, *_, planes = run_forward(inputs, save=True)
    no_weights = (False,) * len(inputs.weight_tensors)
    needs_grad = flatten_tensors(no_weights, d_x is not None, (True,) * len(call.states), False, False)
    gradients = run_backward(inputs, output, planes, d_output, d_final, needs_grad, d_states)
    by_x, by_initial = gradients[0], gradients[6 : 6 + len(call.states)]
    if d_x is not None and by_x is not None:
        d_x.copy_(by_x)
    return [d for d in by_initial if d is not None]
