"""One row of a layer run step by step, each step's keep and write changed by hand."""

import torch
from torch.nn.functional import linear

from keepgate.equations import Named


def by_hand(layer, place, x, before, change):
    """One row of one layer and direction; `change` gives keep and write of each step another value."""
    cell, weights = layer.cell, layer.weights_at(place)
    vectors = (Named(**dict(zip(cell.vectors, weights.vectors, strict=True))),) if cell.vectors else ()
    outputs = {}
    order = reversed(range(len(x))) if place % 2 else range(len(x))
    for t in order:
        wx = linear(x[t], weights.weight_ih, weights.bias_ih).chunk(len(cell.gates))
        given = dict(zip(cell.states, before, strict=True))
        u = None
        if cell.recurrent == "in_step":
            blocks = zip(cell.gates, weights.weight_hh.chunk(3), weights.bias_hh.chunk(3), strict=True)
            u = Named(**{gate: lambda v, w=w, b=b: linear(v, w, b) for gate, w, b in blocks})
        elif cell.recurrent != "none":
            uh = linear(
                given["c" if cell.name == "reads_memory" else "h"], weights.weight_hh, weights.bias_hh
            ).chunk(len(cell.gates))
            u = Named(**dict(zip(cell.gates, uh, strict=True)))
        step = dict(cell.step(Named(**dict(zip(cell.gates, wx, strict=True))), u, Named(**given), *vectors))
        keep, write = keep_and_write(cell, step, given)
        step[cell.memory_state] = changed = change(t, keep, write, given[cell.memory_state])
        after_the_memory(cell, step, changed, wx, u, given, weights)
        before = [step[name] for name in cell.states]
        if weights.weight_hr is not None:
            before[0] = linear(before[0], weights.weight_hr)
        outputs[t] = before[0]
    return torch.stack([outputs[t] for t in range(len(x))]), before


def keep_and_write(cell, step, given):
    """Worked out with the cell's own names, cell by cell: nothing of this is the package's."""
    name, state = cell.name, given[cell.memory_state]
    if name == "mingru":
        return 1 - step["z"], step["z"] * step["n"]
    if name == "ct_rnn":
        return 1 - step["k"].expand_as(state), step["k"] * step["n"]
    keep = {"gru": "z", "gru_reset_before": "z", "ligru": "z", "layer_norm_gru": "z"}.get(name, "f")
    factor = torch.full_like(state, 0.5) if name == "made_up" else step[keep]
    return factor, step[cell.memory_state] - factor * state


def after_the_memory(cell, step, memory, wx, u, given, weights):
    if cell.name == "peephole":
        step["o"] = (wx[3] + u.o + weights.vectors[2] * memory).sigmoid()
    if cell.name in ("lstm", "peephole", "coupled_lstm", "reads_memory"):
        step["h"] = step["o"] * memory.tanh()
    if cell.name == "layer_norm_lstm":
        *_, gamma, beta = weights.vectors
        scale = (memory.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
        normal = gamma * (memory - memory.mean(-1, keepdim=True)) / scale + beta
        step["h"] = step["o"] * normal.tanh()
    if cell.name == "slstm":
        step["h"] = step["o"] * memory / step["n"]


# Cells in which one gate keeps and writes: closed for writing, it keeps everything.
ONE_GATE = ("gru", "gru_reset_before", "mingru", "coupled_lstm", "ligru", "layer_norm_gru")


def unwritten(cell, keep):
    """The factor of a step whose writing gate is closed."""
    return 1 if cell.name in ONE_GATE else keep
