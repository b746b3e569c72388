"""Reruns: the network run again from a step at which its memory was changed; many changes ("candidates") at once."""

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

Steps = Sequence[int] | Int[Tensor, " candidates"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where memory is changed: a layer and direction, and one row for all candidates or one for each."""

    layer: int = -1
    reverse: bool = False
    rows: int | Sequence[int] = 0


LAST_FORWARD = Site()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """Results of reruns. Each candidate is a row of its own, changed from its step on.

    output: of the last layer over the whole input, time first; 0 in padding.
    final: [layers · directions, candidates, units], one for each state.
    lengths: of the candidates' rows; None where all are whole.
    """

    output: Float[Tensor, "time candidates _"]
    final: tuple[Float[Tensor, "places candidates _"], ...]
    lengths: Int[Tensor, " candidates"] | None
    bidirectional: bool

    __repr__ = compact_repr

    @property
    def candidates(self) -> int:
        """The number of changes."""
        return self.output.shape[1]

    def last(self) -> Float[Tensor, "candidates _"]:
        """Output of each direction at its end of reading: forward at the row's last step, reverse at its first."""
        steps, rows = self.output.shape[:2]
        lengths = torch.full((rows,), steps) if self.lengths is None else self.lengths
        return last_states(self.output, lengths, bidirectional=self.bidirectional)


@torch.no_grad()
def rerun_from(
    layer_run: LayerRun,
    memories: Float[Tensor, "candidates hidden"],
    steps: Int[Tensor, " candidates"],
    rows: Int[Tensor, " candidates"],
    place: int,
) -> Rerun:
    """Reruns of candidates whose memory after their step is replaced by another.

    place: the layer and direction, counted as in the trace. Layers above it are run again whole; the other direction
    and the layers below stay.
    """
    part, call = layer_run.trace.layers[place], layer_run.call(place)
    states = states_of_memory(call, part, memories, (steps, rows))
    output, final = read_on(call, part, states, steps, rows)
    return run_above(layer_run, place, output, final, rows)


def run_above(
    layer_run: LayerRun,
    place: int,
    output: Float[Tensor, "time candidates _"],
    states: tuple[Tensor, ...],
    rows: Int[Tensor, " candidates"],
) -> Rerun:
    """Reruns of candidates from the output and final states of the changed layer and direction.

    Layers above it are run again; the other direction and the layers below stay.
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
        output=last, final=tuple(torch.stack(ends) for ends in zip(*final, strict=True)),
        lengths=lengths, bidirectional=layer.bidirectional,
    )  # fmt: skip


def states_of_memory(
    call: Call, part: LayerTrace, memories: Tensor, at: tuple[Tensor, Tensor]
) -> tuple[Tensor, ...]:
    """All states after some steps, given another memory after them: what the step computes from it is computed again.

    at: steps and rows side by side, one for each candidate.
    """
    cell = call.cell
    if len(cell.states) == 1:
        return (memories,)
    graph = cell.elementwise_graph
    new = graph.next[cell.memory_state]
    values = values_at(call, part, at)
    values = {node: value for node, value in values.items() if new not in topological([node])}
    values[new] = memories
    states = {name: value_of(graph.next[name], values, memories) for name in cell.states}
    if call.weight_hr is not None:
        states[cell.states[0]] = states[cell.states[0]] @ call.weight_hr.T
    return tuple(states.values())


def read_on(
    call: Call, part: LayerTrace, states: tuple[Tensor, ...], steps: Tensor, rows: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Candidates' outputs over the whole input, and their final states, from these states after their steps on."""
    output = part[call.cell.states[0]][:, rows].clone()
    remaining = steps if part.reverse else part.is_real().sum(0).cpu()[rows] - steps - 1
    return output, continue_reading(call, output, states, steps, rows, remaining)


def continue_reading(
    call: Call, output: Tensor, states: tuple[Tensor, ...], steps: Tensor, rows: Tensor, remaining: Tensor
) -> tuple[Tensor, ...]:
    """Final states of candidates that read their `remaining` steps from these states on; writes their outputs."""
    column = torch.arange(len(steps))
    output[steps, column] = states[0]
    longest = int(remaining.max()) if len(remaining) else 0
    if longest == 0:
        return states
    count = torch.arange(longest).unsqueeze(1)
    place = count.expand(-1, len(steps)) if call.reverse else (steps + 1 + count).clamp(max=len(output) - 1)
    result = run(Call.of(call.weights, call.x[place, rows], states, remaining, None, call.reverse))
    real = count < remaining
    output[place[real], column.expand_as(place)[real]] = result.output[real]
    return result.final


def check_steps(part: LayerTrace, steps: Tensor, rows: Tensor) -> None:
    """Raises ShapeError for a step that is not its row's own, SettingsError for a run with resets."""
    if part.resets is not None:
        raise SettingsError(
            "a run with resets is several sequences; run each of them by itself to change one"
        )
    ends = part.is_real().sum(0).cpu()
    if bool(((rows < 0) | (rows >= len(ends))).any()):
        raise ShapeError(f"rows are {rows.tolist()}, but there are {len(ends)}, counted from 0")
    wrong = ((steps < 0) | (steps >= ends[rows])).nonzero().flatten().tolist()
    if wrong:
        first = wrong[0]
        raise ShapeError(
            f"step {int(steps[first])} is not one of row {int(rows[first])}'s {int(ends[rows[first]])} steps, counted "
            "from 0"
        )
