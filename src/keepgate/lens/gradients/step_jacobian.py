"""One-step Jacobian: the derivative of all states after a step by all states before it, from the cell's equations."""

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import derivative
from ...kernels import Call
from ...nn.trace import LayerTrace
from ..capture.layer_run import LayerRun
from ..capture.step_values import value_of, values_at


def jacobian(
    layer_run: LayerRun, step: int, *, layer: int = -1, reverse: bool = False
) -> Float[Tensor, "batch after before"]:
    """Jacobian ∂(states after a step) / ∂(states before it) of one layer and direction, its input held fixed.

    [batch, units · states, units · states], the states one after the other: h, then c for an LSTM. step: of the input.
    The identity in padding, and 0 where the state was cleared before the step.
    Raises CellError for a cell that multiplies by a matrix inside its step, and so has no graph.
    """
    place = layer_run.place(layer, reverse=reverse)
    return jacobians(layer_run.call(place), layer_run.trace.layers[place], slice(step, step + 1 or None))[0]


def jacobians(
    call: Call, traced_layer: LayerTrace, steps: slice = slice(None)
) -> Float[Tensor, "time batch after before"]:
    """Jacobians of several steps of one layer and direction at once, each as `jacobian` gives it."""
    cell, graph = call.cell, call.cell.elementwise_graph
    states = cell.states
    values = values_at(call, traced_layer, steps)
    like = traced_layer[cell.memory_state][steps]
    rows = []
    for after in states:
        new = graph.next[after]
        direct = {
            before: value_of(derivative(new, graph.previous[before]), values, like) for before in states
        }
        through = torch.zeros(*like.shape, call.output_size, dtype=like.dtype, device=like.device)
        for gate, (weight, diagonal) in _recurrent_weights(call).items():
            factor = value_of(derivative(new, graph.uh[gate]), values, like)
            if diagonal:
                direct[cell.recurrent_state] = direct[cell.recurrent_state] + factor * weight
            else:
                through = through + factor.unsqueeze(-1) * weight
        blocks = [torch.diag_embed(direct[before]) for before in states]
        if call.weight_hr is None:
            place = states.index(cell.recurrent_state)
            blocks[place] = blocks[place] + through
        else:  # an output that is projected reaches a step by the recurrent weights alone
            blocks[0] = through
        row = torch.cat(blocks, -1)
        rows.append(call.weight_hr @ row if after == states[0] and call.weight_hr is not None else row)
    matrices = torch.cat(rows, -2).masked_fill(traced_layer.was_cleared()[steps][..., None, None], 0)
    identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    return torch.where(traced_layer.is_real()[steps][..., None, None], matrices, identity)


def _recurrent_weights(call: Call) -> dict[str, tuple[Tensor, bool]]:
    """Each gate's recurrent weights, and whether they are diagonal: one number a unit."""
    if call.weight_hh is None:
        return {}
    blocks = call.weight_hh.detach().chunk(len(call.cell.gates))
    return {gate: (block, block.dim() == 1) for gate, block in zip(call.cell.gates, blocks, strict=True)}
