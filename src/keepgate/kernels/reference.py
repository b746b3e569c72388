"""The reference kernel: a loop over time in plain torch. It never refuses, and it is right by definition."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from ..equations import Named
from .call import Call, CallResult
from .kernel import Kernel


class Reference(Kernel):
    """Calls the cell's own step function once a step; autograd gives derivatives of any order."""

    name = "reference"

    def refusal_reason(self, call: Call) -> str | None:  # noqa: ARG002 - the contract of every kernel
        """None: it runs every call."""
        return None

    def forward(self, call: Call) -> CallResult:
        """The states over time, step by step."""
        cell = call.cell
        # Unbound once: autograd would make a gradient as large as wx_T_BR for each wx_T_BR[t].
        wx_T_BR = linear(call.x[..., : call.weights.input_size], call.weight_ih, call.bias_ih).unbind(0)
        behind = call.x[..., call.weights.input_size :]
        unit_inputs = behind.chunk(len(cell.unit_inputs), -1) if cell.unit_inputs else ()
        recurrent_state = cell.states.index(cell.recurrent_state)
        recurrence = _recurrence(call)
        vectors = Named(**dict(zip(cell.vectors, call.vectors, strict=True)))
        extra = (vectors,) if cell.vectors else ()

        states = call.states
        steps: list[dict[str, Tensor]] = []
        for t in reversed(range(call.steps)) if call.reverse else range(call.steps):
            previous = cleared(call, t, states)
            wx = _by_name(cell.gates, wx_T_BR[t])
            s = Named(**dict(zip(cell.states, previous, strict=True)))
            at_step = {n: value[t] for n, value in zip(cell.unit_inputs, unit_inputs, strict=True)}
            inputs = (Named(**at_step),) if at_step else ()
            step = dict(cell.step(wx, recurrence(previous[recurrent_state]), s, *extra, *inputs))
            # What is made of weights per unit alone is the same in every row.
            step = {k: v if v.dim() == 2 else v.expand(call.rows, -1) for k, v in step.items()}
            if call.weight_hr is not None:
                step[cell.states[0]] = linear(step[cell.states[0]], call.weight_hr)
            real = None if call.lengths is None else (t < call.lengths).to(call.x.device).unsqueeze(1)
            states = _where_real(real, [step[name] for name in cell.states], previous)
            traced = step if call.trace else {cell.states[0]: step[cell.states[0]]}
            steps.append(
                traced if real is None else {k: v.where(real, v.new_zeros(())) for k, v in traced.items()}
            )

        if call.reverse:
            steps.reverse()
        over_time = {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
        return CallResult(
            output=over_time[cell.states[0]], final=tuple(states), traced=over_time if call.trace else {}
        )


def _by_name(gates: tuple[str, ...], blocks: Tensor) -> Named:
    return Named(**dict(zip(gates, blocks.chunk(len(gates), -1), strict=True)))


def _recurrence(call: Call) -> Callable[[Tensor], Named | None]:
    """uh (for recurrent="in_step" u) by gate, as a function of h_{t-1}."""
    gates, weight, bias = call.cell.gates, call.weight_hh, call.bias_hh
    if weight is None:
        return lambda h: None  # noqa: ARG005
    if call.cell.recurrent == "in_step":
        biases = [None] * len(gates) if bias is None else bias.chunk(len(gates))
        products = {
            gate: lambda v, w=w, b=b: linear(v, w, b)
            for gate, w, b in zip(gates, weight.chunk(len(gates)), biases, strict=True)
        }
        return lambda h: Named(**products)  # noqa: ARG005
    return lambda h: _by_name(gates, recurrent_product(call, h))


def recurrent_product(call: Call, h: Float[Tensor, "*steps projected"]) -> Float[Tensor, "*steps rows"]:
    """uh = W_hh h + b_hh for a dense recurrence, w · h + b_hh unit by unit for a diagonal one."""
    weight, bias = call.weight_hh, call.bias_hh
    assert weight is not None
    if call.cell.recurrent == "dense":
        return linear(h, weight, bias)
    repeated = h.repeat(*[1] * (h.dim() - 1), len(call.cell.gates))
    return torch.addcmul(torch.zeros_like(weight) if bias is None else bias, repeated, weight)


def cleared(call: Call, t: int, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The states before step t, zero where a reset clears them; a reverse call clears after the reset's step."""
    if call.resets is None:
        return states
    boundary = t + 1 if call.reverse else t
    if boundary == call.steps:
        return states
    cleared_rows = call.resets[boundary].to(call.x.device)
    if call.lengths is not None:
        cleared_rows = cleared_rows & (boundary < call.lengths).to(call.x.device)
    return tuple(state.masked_fill(cleared_rows.unsqueeze(1), 0) for state in states)


def _where_real(real: Tensor | None, new: list[Tensor], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The new states of real steps, the old ones beyond a row's length."""
    if real is None:
        return tuple(new)
    return tuple(torch.where(real, after, before) for after, before in zip(new, old, strict=True))
