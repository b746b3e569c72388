"""A token left out of memory: some layers, or all, do not write at its step, and all that follows is run again."""

from collections.abc import Collection

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...errors import ShapeError
from ...kernels import Call, run
from ...nn.stack import run_stack
from ..capture.layer_run import LayerRun
from .combined import counterfactual_step
from .rerun import check_places


@torch.no_grad()
def ablate_tokens(
    seen: LayerRun, steps: Int[Tensor, " candidates"], layers: Collection[int] | None = None, *, row: int = 0
) -> Float[Tensor, "time candidates output"]:
    """The last layer's output, had some layers not written at a step, in either direction; one candidate a step.

    Exact: every layer reads what the changed one below it gives. The step still shows what was in memory before it.
    layers: counted from 0, or from the last with -1; None leaves it out of all, so that nothing of the token is left
    but what its gates did to older memories.
    Raises CellError for a cell that carries no memory, ShapeError for a step or a layer that there is not,
    SettingsError for runs with resets.
    """
    depth = seen.layer.num_layers
    known = range(-depth, depth)
    if layers is not None and not all(layer in known for layer in layers):
        raise ShapeError(
            f"layers are {sorted(layers)}, but there are {depth}, counted from 0 or from -1 back"
        )
    chosen = set(range(depth)) if layers is None else {layer % depth for layer in layers}
    part = seen.trace.layers[0]
    check_places(part, steps, torch.full_like(steps, row))
    length = int(part.is_real().sum(0)[row])
    read = seen.x[:length, row].unsqueeze(1).expand(-1, len(steps), -1)
    directions = seen.layer.directions

    def run_place(place: int, call: Call) -> Tensor:
        # A direction that reads backwards is one that reads the text turned round.
        x, at = (call.x.flip(0), length - 1 - steps) if call.reverse else (call.x, steps)
        forwards = Call.of(call.weights, x, call.states)
        output = _unwritten(forwards, at) if place // directions in chosen else run(forwards).output
        return output.flip(0) if call.reverse else output

    states = [
        tuple(state[place, row].expand(len(steps), -1) for state in seen.initial)
        for place in range(depth * directions)
    ]
    read = run_stack(seen.layer.weights(), directions, read, states, run_place)
    missing = len(seen.x) - length
    return torch.cat([read, read.new_zeros(missing, *read.shape[1:])]) if missing else read


def _unwritten(call: Call, at: Int[Tensor, " candidates"]) -> Float[Tensor, "time candidates projected"]:
    """The output of one layer in the order of reading, had it not written at a step, another for each row."""
    column = torch.arange(len(at))
    before = run(Call.of(call.weights, call.x, call.states, at))
    states = counterfactual_step(call, call.x[at, column], before.final, drop=True, keep=False)
    output = before.output
    output[at, column] = states[0]
    left = call.steps - at - 1
    longest = int(left.max()) if len(left) else 0
    if longest:
        count = torch.arange(longest).unsqueeze(1)
        place = (at + 1 + count).clamp(max=call.steps - 1)
        after = run(Call.of(call.weights, call.x[place, column], states, left)).output
        there = count < left
        output[place[there], column.expand_as(place)[there]] = after[there]
    return output
