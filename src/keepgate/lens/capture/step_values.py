"""Values of the nodes of a cell's step graph at traced steps, from which its expressions are evaluated."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from ...equations import Expr, evaluate
from ...kernels import Call
from ...kernels.reference import recurrent_product
from ...nn.trace import LayerTrace

At = slice | tuple[Tensor, Tensor]


@torch.no_grad()
def values_at(call: Call, traced_layer: LayerTrace, at: At) -> dict[Expr, Tensor]:
    """Inputs, named values and next states of a step, by their nodes in the cell's graph.

    at: a slice of steps, for [time, batch, units], or steps and rows side by side, for [variants, units].
    A projected output is left out, since the equations know only the one before the projection.
    Raises CellError for a cell that multiplies by a matrix inside its step, and so has no graph.
    """
    cell, graph = call.cell, call.cell.product_free_graph
    before = {name: traced_layer.state_before(name)[at] for name in cell.states}
    wx = linear(call.x[at], call.weight_ih, call.bias_ih).chunk(len(cell.gates), -1)
    values = dict(zip(graph.wx.values(), wx, strict=True))
    if call.weight_hh is not None:
        uh = recurrent_product(call, before[cell.recurrent_state]).chunk(len(cell.gates), -1)
        values |= dict(zip(graph.uh.values(), uh, strict=True))
    values |= dict(zip(graph.vectors.values(), call.vectors, strict=True))
    values |= {graph.previous[name]: value for name, value in before.items()}
    values |= {node: traced_layer[name][at] for name, node in graph.traced.items()}
    states = cell.states if call.weight_hr is None else cell.states[1:]
    return values | {graph.next[name]: traced_layer[name][at] for name in states}


def value_of(expression: Expr, values: dict[Expr, Tensor], like: Tensor) -> Tensor:
    """An expression's value from those of its nodes, expanded to the shape of `like`, also where it is a constant."""
    (value,) = evaluate([expression], values)
    return value.expand_as(like) if isinstance(value, Tensor) else torch.full_like(like, value)
