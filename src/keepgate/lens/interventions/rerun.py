"""Reruns: the network run again from a step at which its memory was changed; many such variants as one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...equations import topological
from ...errors import SettingsError, ShapeError
from ...kernels import Call, run
from ...nn.pooling import last_states
from ...nn.stack import run_stack
from ...nn.trace import LayerTrace
from ..capture.layer_run import LayerRun
from ..capture.step_values import value_of, values_at
from ..compact_repr import compact_repr

Steps = Sequence[int] | Int[Tensor, " variants"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where memory is changed: a layer and direction, and one row for all variants or one for each."""

    layer: int = -1
    reverse: bool = False
    rows: int | Sequence[int] = 0


LAST_FORWARD = Site()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """Results of the reruns: each variant, one change to one row of the input, is a row of this batch.

    output: of the last layer over the whole input, time first; 0 in padding.
    final: final states, [layers · directions, variants, units] for each state.
    lengths: of the variants' rows; None without padding.
    """

    output: Float[Tensor, "time variants _"]
    final: tuple[Float[Tensor, "places variants _"], ...]
    lengths: Int[Tensor, " variants"] | None
    bidirectional: bool

    __repr__ = compact_repr

    @property
    def variants(self) -> int:
        """The number of variants."""
        return self.output.shape[1]

    def last_output(self) -> Float[Tensor, "variants _"]:
        """Output of each direction at its end of reading: forward at the row's last step, reverse at its first."""
        steps, rows = self.output.shape[:2]
        lengths = torch.full((rows,), steps) if self.lengths is None else self.lengths
        return last_states(self.output, lengths, bidirectional=self.bidirectional)


@torch.no_grad()
def rerun_from(
    layer_run: LayerRun,
    memories: Float[Tensor, "variants hidden"],
    steps: Int[Tensor, " variants"],
    rows: Int[Tensor, " variants"],
    place: int,
) -> Rerun:
    """Reruns of variants whose memory after their step is replaced by one of `memories`.

    place: index of the layer and direction in the trace, layer · directions + direction. Layers above it are run again
    whole; the other direction and the layers below stay.
    """
    traced_layer, call = layer_run.trace.layers[place], layer_run.call(place)
    states = states_given_memory(call, traced_layer, memories, (steps, rows))
    output, final = resume(call, traced_layer, states, steps, rows)
    return run_above(layer_run, place, output, final, rows)


def run_above(
    layer_run: LayerRun,
    place: int,
    output: Float[Tensor, "time variants _"],
    states: tuple[Tensor, ...],
    rows: Int[Tensor, " variants"],
) -> Rerun:
    """Reruns of the layers above a changed layer and direction, from its output and its final `states`.

    The other direction and the layers below stay.
    """
    layer, lengths = layer_run.layer, None if layer_run.lengths is None else layer_run.lengths[rows]
    parts, first_state = layer_run.trace.layers, layer.cell.states[0]
    final = [tuple(state[p, rows] for state in layer_run.final) for p in range(len(parts))]
    final[place] = states
    begin = parts[place].layer * layer.directions
    end = begin + layer.directions
    outputs = [output if p == place else parts[p][first_state][:, rows] for p in range(begin, end)]

    def run_place(above: int, call: Call) -> Tensor:
        result = run(call)
        final[end + above] = result.final
        return result.output

    initial = [tuple(state[p, rows] for state in layer_run.initial) for p in range(end, len(parts))]
    last = run_stack(
        layer.weights()[end:], layer.directions, torch.cat(outputs, -1), initial, run_place, lengths=lengths
    )
    return Rerun(
        output=last, final=tuple(torch.stack(states) for states in zip(*final, strict=True)),
        lengths=lengths, bidirectional=layer.bidirectional,
    )  # fmt: skip


def states_given_memory(
    call: Call, traced_layer: LayerTrace, memories: Tensor, at: tuple[Tensor, Tensor]
) -> tuple[Tensor, ...]:
    """All states after a step whose memory is replaced: what the step computes from the memory is computed again.

    LSTM: h = o · tanh(c) with the new c and the step's own o. at: the step and the row of each variant.
    """
    cell = call.cell
    if len(cell.states) == 1:
        return (memories,)
    graph = cell.product_free_graph
    new = graph.next[cell.memory_state]
    values = values_at(call, traced_layer, at)
    values = {node: value for node, value in values.items() if new not in topological([node])}
    values[new] = memories
    states = {name: value_of(graph.next[name], values, memories) for name in cell.states}
    if call.weight_hr is not None:
        states[cell.states[0]] = states[cell.states[0]] @ call.weight_hr.T
    return tuple(states.values())


def resume(
    call: Call, traced_layer: LayerTrace, states: tuple[Tensor, ...], steps: Tensor, rows: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Variants' outputs over the whole input, and their final states, run on from `states`, those after `steps`."""
    output = traced_layer[call.cell.states[0]][:, rows].clone()
    remaining = steps if traced_layer.reverse else traced_layer.is_real().sum(0).cpu()[rows] - steps - 1
    return output, resume_into(call, output, states, steps, rows, remaining)


def resume_into(
    call: Call, output: Tensor, states: tuple[Tensor, ...], steps: Tensor, rows: Tensor, remaining: Tensor
) -> tuple[Tensor, ...]:
    """Final states of variants run on for `remaining` steps from `states`; writes their outputs into `output`."""
    column = torch.arange(len(steps))
    output[steps, column] = states[0]
    longest = int(remaining.max()) if len(remaining) else 0
    if longest == 0:
        return states
    count = torch.arange(longest).unsqueeze(1)
    later = count.expand(-1, len(steps)) if call.reverse else (steps + 1 + count).clamp(max=len(output) - 1)
    result = run(Call.of(call.weights, call.x[later, rows], states, remaining, None, call.reverse))
    real = count < remaining
    output[later[real], column.expand_as(later)[real]] = result.output[real]
    return result.final


def check_steps(traced_layer: LayerTrace, steps: Tensor, rows: Tensor) -> None:
    """Raises ShapeError for a row or step that there is not (a row's padding has none), SettingsError for resets."""
    if traced_layer.resets is not None:
        raise SettingsError(
            "a run with resets is several sequences in a row; run each of them by itself to intervene on it"
        )
    ends = traced_layer.is_real().sum(0).cpu()
    if bool(((rows < 0) | (rows >= len(ends))).any()):
        raise ShapeError(f"rows are {rows.tolist()}, but there are {len(ends)}, counted from 0")
    wrong = ((steps < 0) | (steps >= ends[rows])).nonzero().flatten().tolist()
    if wrong:
        first = wrong[0]
        raise ShapeError(
            f"step {int(steps[first])} is not one of row {int(rows[first])}'s {int(ends[rows[first]])} steps, counted "
            "from 0"
        )
