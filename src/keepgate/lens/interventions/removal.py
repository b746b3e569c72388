"""Removal of tokens as wholes: no layer or direction reads their steps, the states pass them by, and all else is run.

A step that is removed writes nothing, erases nothing and has no part in later gates: every other step gives what the
network gives for the row without it. Its own place in the output shows the states that it passed by.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ...errors import ShapeError
from ...kernels import Call, run
from ...nn import Recurrent
from ...nn.stack import run_stack
from ..capture.layer_run import LayerRun
from .rerun import Rerun, Steps, check_steps


def remove_tokens(layer_run: LayerRun, steps: Steps, rows: int | Sequence[int] = 0) -> Rerun:
    """Removal of single tokens from all layers and directions; one variant a step.

    rows: one for all variants, or one for each. For any cell. Exact: the network run on the row without the step.
    Raises ShapeError for a step that is not the row's own, SettingsError for runs with resets.
    """
    return remove_spans(layer_run, [(step, step + 1) for step in torch.as_tensor(steps).tolist()], rows)


@torch.no_grad()
def remove_spans(
    layer_run: LayerRun, spans: Sequence[tuple[int, int]], rows: int | Sequence[int] = 0
) -> Rerun:
    """Removal of all tokens of a span, from its first step up to but without its end; one variant a span.

    Raises as `remove_tokens` does, and ShapeError for an empty span.
    """
    starts, ends = torch.tensor(spans, dtype=torch.long).reshape(-1, 2).unbind(1)
    row = torch.as_tensor(rows).expand(len(starts))
    traced_layer = layer_run.trace.layers[0]
    if bool((starts >= ends).any()):
        raise ShapeError(f"spans are {list(spans)}; each must end after it starts")
    check_steps(traced_layer, starts, row)
    check_steps(traced_layer, ends - 1, row)
    lengths = traced_layer.is_real().sum(0).cpu()[row]
    last, one_way = layer_run.trace.layers[-layer_run.layer.directions :], not layer_run.layer.bidirectional
    # Without a direction that reads backwards, everything before the span is as it was.
    begin = starts if one_way else torch.zeros_like(starts)
    states = [
        tuple(
            traced_layer.state_before(name)[starts, row] if one_way else traced_layer.initial[name][row]
            for name in traced_layer.cell.states
        )
        for traced_layer in layer_run.trace.layers
    ]
    output = torch.cat([traced_layer[traced_layer.cell.states[0]][:, row] for traced_layer in last], 2)
    final = _run_without(layer_run.layer, layer_run.x[:, row], states, output, (starts, ends, begin, lengths))
    steps = torch.arange(len(output)).unsqueeze(1)
    _show_passed(layer_run, output, (steps >= starts) & (steps < ends), row)
    return Rerun(
        output=output, final=final, lengths=None if layer_run.lengths is None else layer_run.lengths[row],
        bidirectional=layer_run.layer.bidirectional,
    )  # fmt: skip


def passed_by(
    layer_run: LayerRun, output: Float[Tensor, "remaining 1 _"], remaining: Sequence[int]
) -> Float[Tensor, "time 1 _"]:
    """Output of a run on the remaining steps of the only row, shown at all its steps, as `remove_spans` shows it."""
    whole = output.new_zeros(len(layer_run.x), 1, output.shape[2])
    whole[list(remaining)] = output
    removed = torch.ones(len(whole), 1, dtype=torch.bool)
    removed[list(remaining)] = False
    _show_passed(layer_run, whole, removed, torch.zeros(1, dtype=torch.long))
    return whole


def _show_passed(
    layer_run: LayerRun,
    output: Float[Tensor, "time variants _"],
    removed: Bool[Tensor, "time variants"],
    rows: Int[Tensor, " variants"],
) -> None:
    """Writes into the output, at steps that are removed, what each direction of the last layer knew on passing them."""
    units, steps, column = (
        layer_run.layer.output_size,
        torch.arange(len(output)).unsqueeze(1),
        torch.arange(len(rows)),
    )
    for direction, traced_layer in enumerate(layer_run.trace.layers[-layer_run.layer.directions :]):
        remains = traced_layer.is_real().cpu()[:, rows] & ~removed
        # The last step that was read on the way to each; -1 or the number of steps where there was none.
        if traced_layer.reverse:
            place = torch.where(remains, steps, len(output)).flip(0).cummin(0).values.flip(0)
        else:
            place = torch.where(remains, steps, -1).cummax(0).values
        is_initial = (place < 0) | (place == len(output))
        half = output[..., direction * units : (direction + 1) * units]
        before = half[place.clamp(0, len(output) - 1), column]
        before = torch.where(
            is_initial.unsqueeze(2), traced_layer.initial[traced_layer.cell.states[0]][rows], before
        )
        half[...] = torch.where(removed.unsqueeze(2), before, half)


def _run_without(
    layer: Recurrent,
    x: Float[Tensor, "time variants input"],
    states: Sequence[tuple[Tensor, ...]],
    output: Float[Tensor, "time variants _"],
    spans: tuple[Int[Tensor, " variants"], ...],
) -> tuple[Tensor, ...]:
    """Final states of the layer run from `begin` on without the spans; writes its outputs to `output`.

    spans: starts, ends, begin and the rows' lengths. states: of each layer and direction before `begin`.
    """
    starts, ends, begin, lengths = spans
    remaining = lengths - begin - (ends - starts)
    longest = int(remaining.max()) if len(remaining) else 0
    count = torch.arange(longest).unsqueeze(1)
    place = begin + count
    place = torch.where(place >= starts, place + ends - starts, place).clamp(max=len(x) - 1)
    column = torch.arange(len(starts)).expand_as(place)
    final = list(states)

    def run_place(number: int, call: Call) -> Tensor:
        result = run(call)
        final[number] = result.final
        return result.output

    if longest:
        result = run_stack(
            layer.weights(), layer.directions, x[place, column], states, run_place, lengths=remaining
        )
        real = count < remaining
        output[place[real], column[real]] = result[real]
    return tuple(torch.stack(places) for places in zip(*final, strict=True))
