"""The values of every part of a cell's step, at any steps that were traced: what its equations are worked out from."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from ...equations import Expr, evaluate
from ...kernels import Call
from ...kernels.reference import recurrent_product
from ...nn.trace import LayerTrace

At = slice | tuple[Tensor, Tensor]


@torch.no_grad()
def values_at(call: Call, part: LayerTrace, at: At) -> dict[Expr, Tensor]:
    """What a step is given, what it names and the states after it, by their places in the cell's equations.

    at: a slice of steps, for [time, batch, units], or steps and rows side by side, for [chosen, units]. An output that
    is projected is not among them, since the equations know only the one before the projection.
    Raises CellError for a cell that multiplies by a matrix inside its step, and so has no graph.
    """
    cell, graph = call.cell, call.cell.elementwise_graph
    before = {name: part.state_before(name)[at] for name in cell.states}
    known = dict(
        zip(graph.wx.values(), _blocks(linear(call.x[at], call.weight_ih, call.bias_ih), call), strict=True)
    )
    if call.weight_hh is not None:
        known |= dict(
            zip(
                graph.uh.values(), _blocks(recurrent_product(call, before[cell.states[0]]), call), strict=True
            )
        )
    known |= dict(zip(graph.vectors.values(), call.vectors, strict=True))
    known |= {graph.previous[name]: value for name, value in before.items()}
    known |= {node: part[name][at] for name, node in graph.traced.items()}
    shown = cell.states if call.weight_hr is None else cell.states[1:]
    return known | {graph.next[name]: part[name][at] for name in shown}


def value_of(expression: Expr, known: dict[Expr, Tensor], like: Tensor) -> Tensor:
    """An expression's value from those that are known, also where it is a constant."""
    (value,) = evaluate([expression], known)
    return value.expand_as(like) if isinstance(value, Tensor) else torch.full_like(like, value)


def _blocks(values: Tensor, call: Call) -> tuple[Tensor, ...]:
    return values.chunk(len(call.cell.gates), -1)
