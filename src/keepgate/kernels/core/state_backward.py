"""Gradients by every state from the core's backward pass, which computes them on its way."""

from collections.abc import Sequence

from torch import Tensor

from ... import _core
from ..call import Call
from ..tracing_state import undisturbed
from .arguments import KINDS, Arrays, forward, gradients
from .call_spec import in_order
from .kernel import Cpu
from .program import known


def core_refuses(call: Call) -> str | None:
    """Why the core cannot, or None."""
    if not undisturbed():
        return "something stands between Python and memory: a transform, a mode of dispatch, autocast or a tracer"
    return Cpu().refuses(call)


def saved_bytes_per_step(call: Call) -> int:
    """What a forward pass saves of each step for backward: the output and the planes, padded to whole registers."""
    planes = len(known(call.cell).planes) + (call.weight_hr is not None)
    return (1 + planes) * call.rows * _core.padded(call.hidden_size, KINDS[call.x.dtype]) * call.x.itemsize


def state_gradients(
    call: Call,
    d_output: Tensor | None,
    d_final: Sequence[Tensor],
    d_states: tuple[Tensor, ...],
    d_x: Tensor | None,
) -> list[Tensor]:
    """Fills `d_states` [time, batch, units] each and `d_x`; returns the gradients of `call.states`.

    d_states: zeros where a row has ended, since the core writes real steps only.
    """
    arrays = Arrays.of(call)
    output, *_, planes = forward(arrays, keep=True, again=True)
    told = arrays.told(output, arrays.states, 0, planes)
    every = in_order(arrays.given, arrays.x, arrays.states, arrays.lengths, arrays.resets)
    wanted = in_order((False,) * len(arrays.given), d_x is not None, (True,) * len(call.states), False, False)
    found = gradients(told, arrays.where, every, d_output, d_final, wanted, d_states)
    by_x, by_initial = found[0], found[6 : 6 + len(call.states)]
    if d_x is not None and by_x is not None:
        d_x.copy_(by_x)
    return [d for d in by_initial if d is not None]
