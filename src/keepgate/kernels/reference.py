"""A loop over time in plain torch. It never refuses, and it is right by definition."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from ..equations import Named
from .call import Call, CallResult


class Reference:
    """Runs any cell's own step function; autograd differentiates it as often as one likes."""

    name = "reference"

    def refuses(self, call: Call) -> str | None:  # noqa: ARG002 - the contract of every kernel
        return None

    def forward(self, call: Call) -> CallResult:
        cell = call.cell
        # Cut once: the gradient of wx[t] alone is as large as that of all steps.
        wx_T_BR = linear(call.x, call.weight_ih, call.bias_ih).unbind(0)
        recurrence = _recurrence(call)
        vectors = Named(**dict(zip(cell.vectors, call.vectors, strict=True)))
        extra = (vectors,) if cell.vectors else ()

        states = call.states
        kept: list[dict[str, Tensor]] = []
        for t in reversed(range(call.steps)) if call.reverse else range(call.steps):
            previous = cleared(call, t, states)
            wx = _by_name(cell.gates, wx_T_BR[t])
            s = Named(**dict(zip(cell.states, previous, strict=True)))
            step = dict(cell.step(wx, recurrence(previous[0]), s, *extra))
            # What is made of weights per unit alone is the same in every row.
            step = {k: v if v.dim() == 2 else v.expand(call.rows, -1) for k, v in step.items()}
            if call.weight_hr is not None:
                step[cell.states[0]] = linear(step[cell.states[0]], call.weight_hr)
            alive = None if call.lengths is None else (t < call.lengths).to(call.x.device).unsqueeze(1)
            states = _kept_where(alive, [step[name] for name in cell.states], previous)
            wanted = step if call.trace else {cell.states[0]: step[cell.states[0]]}
            kept.append(
                wanted if alive is None else {k: v.where(alive, v.new_zeros(())) for k, v in wanted.items()}
            )

        if call.reverse:
            kept.reverse()
        over_time = {name: torch.stack([step[name] for step in kept]) for name in kept[0]}
        return CallResult(
            output=over_time[cell.states[0]], final=tuple(states), traced=over_time if call.trace else {}
        )


def _by_name(gates: tuple[str, ...], blocks: Tensor) -> Named:
    return Named(**dict(zip(gates, blocks.chunk(len(gates), -1), strict=True)))


def _recurrence(call: Call) -> Callable[[Tensor], Named | None]:
    """What the step is given for `uh`: the recurrent products of the output before, by gate."""
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
    """The states before step t, zero where a new sequence begins."""
    if call.resets is None:
        return states
    boundary = t + 1 if call.reverse else t
    if boundary == call.steps:
        return states
    begins = call.resets[boundary].to(call.x.device)
    if call.lengths is not None:
        begins = begins & (boundary < call.lengths).to(call.x.device)
    return tuple(state.masked_fill(begins.unsqueeze(1), 0) for state in states)


def _kept_where(alive: Tensor | None, new: list[Tensor], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if alive is None:
        return tuple(new)
    return tuple(torch.where(alive, after, before) for after, before in zip(new, old, strict=True))
