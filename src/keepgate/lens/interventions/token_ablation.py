"""Token ablation: some layers of a stack, or all, do not write at a token's step, and all that follows is run again."""

from collections.abc import Collection

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...errors import ShapeError
from ...kernels import Call, run
from ...nn.stack import run_stack
from ..capture.layer_run import LayerRun
from .ablation import counterfactual_step
from .rerun import check_steps, resume_into


@torch.no_grad()
def ablate_tokens(
    layer_run: LayerRun,
    steps: Int[Tensor, " variants"],
    layers: Collection[int] | None = None,
    *,
    row: int = 0,
) -> Float[Tensor, "time variants output"]:
    """The last layer's output with some layers not writing at a step, in either direction; one variant a step.

    Exact: every layer reads the output of the changed one below it. The step still outputs what was in memory before.
    layers: counted from 0, or from the last with -1; None is all of them, so that nothing of the token is left but what
            its gates did to older memories.
    Raises CellError for a cell without an additive memory, ShapeError for a step or a layer out of range,
    SettingsError for a run with resets.
    """
    depth = layer_run.layer.num_layers
    if layers is not None and not all(layer in range(-depth, depth) for layer in layers):
        raise ShapeError(
            f"layers are {sorted(layers)}, but there are {depth}, counted from 0 or from -1 back"
        )
    ablated = set(range(depth)) if layers is None else {layer % depth for layer in layers}
    traced_layer = layer_run.trace.layers[0]
    check_steps(traced_layer, steps, torch.full_like(steps, row))
    length = int(traced_layer.is_real().sum(0)[row])
    x = layer_run.x[:length, row].unsqueeze(1).expand(-1, len(steps), -1)
    directions = layer_run.layer.directions

    def run_place(place: int, call: Call) -> Tensor:
        # A reverse direction is a forward one over the reversed input.
        x, at = (call.x.flip(0), length - 1 - steps) if call.reverse else (call.x, steps)
        forward = Call.of(call.weights, x, call.states)
        output = _without_write(forward, at) if place // directions in ablated else run(forward).output
        return output.flip(0) if call.reverse else output

    states = [
        tuple(state[place, row].expand(len(steps), -1) for state in layer_run.initial)
        for place in range(depth * directions)
    ]
    output = run_stack(layer_run.layer.weights(), directions, x, states, run_place)
    padding = output.new_zeros(len(layer_run.x) - length, *output.shape[1:])
    return torch.cat([output, padding])


def _without_write(call: Call, at: Int[Tensor, " variants"]) -> Float[Tensor, "time variants projected"]:
    """Output of one layer in the order of reading, with no write at a step of its own for each row."""
    rows = torch.arange(len(at))
    before = run(Call.of(call.weights, call.x, call.states, at))
    states = counterfactual_step(call, call.x[at, rows], before.final, no_write=True, no_erase=False)
    resume_into(call, before.output, states, at, rows, call.steps - at - 1)
    return before.output
