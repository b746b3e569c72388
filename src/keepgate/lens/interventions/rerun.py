"""The true network, run again from a step at which a memory was changed; many changes side by side."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...equations import topological
from ...errors import SettingsError, ShapeError
from ...kernels import Call, run
from ...nn.stack import run_stack
from ...nn.trace import LayerTrace
from ..capture.layer_run import LayerRun
from ..capture.step_values import value_of, values_at
from ..compact_repr import compact_repr


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """What each candidate came to: a row of its own, with the whole text's outputs, changed from its step on.

    output: of the last layer, time first; 0 in padding. final: [layers · directions, candidates, units], one a state.
    lengths: of the candidates' rows; None where all are whole.
    """

    output: Float[Tensor, "time candidates _"]
    final: tuple[Float[Tensor, "places candidates _"], ...]
    lengths: Int[Tensor, " candidates"] | None
    bidirectional: bool

    __repr__ = compact_repr

    @property
    def candidates(self) -> int:
        """How many changes were tried."""
        return self.output.shape[1]

    def last(self) -> Float[Tensor, "candidates _"]:
        """What each direction knows at its end: forwards at the row's last step, backwards at its first."""
        steps, rows, units = self.output.shape
        ends = torch.full((rows,), steps) if self.lengths is None else self.lengths
        last = self.output[(ends - 1).clamp(min=0), torch.arange(rows)]
        if not self.bidirectional:
            return last
        return torch.cat([last[:, : units // 2], self.output[0, :, units // 2 :]], 1)


@torch.no_grad()
def rerun_from(
    seen: LayerRun,
    memories: Float[Tensor, "candidates hidden"],
    steps: Int[Tensor, " candidates"],
    rows: Int[Tensor, " candidates"],
    place: int,
) -> Rerun:
    """The run of each candidate's row, its memory after its step being another one; all that follows is run again.

    place: the layer and direction, counted as in the trace. Layers above it are run again whole, the other direction
    and those below it stay.
    Raises ShapeError for a step or row that is not there, SettingsError for runs with resets.
    """
    part = seen.trace.layers[place]
    check_places(part, steps, rows)
    call = seen.call(place)
    states = changed_states(call, part, memories, (steps, rows))
    output, final = read_on(call, part, states, steps, rows)
    return carried_up(seen, place, output, final, rows)


def carried_up(
    seen: LayerRun,
    place: int,
    output: Float[Tensor, "time candidates _"],
    states: tuple[Tensor, ...],
    rows: Int[Tensor, " candidates"],
) -> Rerun:
    """What candidates came to whose layer and direction gave this output and these final states instead.

    Layers above it are run again; the other direction and those below it stay.
    """
    layer, lengths = seen.layer, None if seen.lengths is None else seen.lengths[rows]
    final = [tuple(state[p, rows] for state in seen.final) for p in range(len(seen.trace.layers))]
    final[place] = states
    below = seen.trace.layers[place].layer * layer.directions
    outputs = [
        output if p == place else _output(seen, p)[:, rows] for p in range(below, below + layer.directions)
    ]
    above = below + layer.directions

    def run_place(place: int, call: Call) -> Tensor:
        result = run(call)
        final[above + place] = result.final
        return result.output

    before = [tuple(state[p, rows] for state in seen.initial) for p in range(above, len(final))]
    last = run_stack(
        layer.weights()[above:], layer.directions, torch.cat(outputs, -1), before, run_place, lengths=lengths
    )
    return Rerun(
        output=last, final=tuple(torch.stack(each) for each in zip(*final, strict=True)),
        lengths=lengths, bidirectional=layer.bidirectional,
    )  # fmt: skip


def changed_states(
    call: Call, part: LayerTrace, memories: Tensor, at: tuple[Tensor, Tensor]
) -> tuple[Tensor, ...]:
    """All states after some steps, had their memory been this one: what the step makes of it follows."""
    cell = call.cell
    if len(cell.states) == 1:
        return (memories,)
    graph = cell.elementwise_graph
    new = graph.next[cell.memory_state]
    known = values_at(call, part, at)
    # What was computed from the memory is computed again.
    known = {node: value for node, value in known.items() if new not in topological([node])}
    known[new] = memories
    states = {name: value_of(graph.next[name], known, memories) for name in cell.states}
    if call.weight_hr is not None:
        states[cell.states[0]] = states[cell.states[0]] @ call.weight_hr.T
    return tuple(states.values())


def read_on(
    call: Call, part: LayerTrace, states: tuple[Tensor, ...], steps: Tensor, rows: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The candidates' outputs over the whole text, and their final states, from these after their steps on."""
    output = part[call.cell.states[0]][:, rows].clone()
    column = torch.arange(len(steps))
    output[steps, column] = states[0]
    left = steps if part.reverse else part.is_real().sum(0).cpu()[rows] - steps - 1
    longest = int(left.max()) if len(left) else 0
    if longest == 0:
        return output, states
    count = torch.arange(longest).unsqueeze(1)
    place = count.expand(-1, len(steps)) if part.reverse else (steps + 1 + count).clamp(max=len(output) - 1)
    ran = run(Call.of(call.weights, call.x[place, rows], states, left, None, part.reverse))
    there = count < left
    output[place[there], column.expand_as(place)[there]] = ran.output[there]
    return output, ran.final


def _output(seen: LayerRun, place: int) -> Tensor:
    return seen.trace.layers[place][seen.layer.cell.states[0]]


def check_places(part: LayerTrace, steps: Tensor, rows: Tensor) -> None:
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
