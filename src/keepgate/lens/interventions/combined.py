"""Counterfactual runs: several ablations and holds of one memory together, everything between run again."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import ShapeError
from ...kernels import Call, run
from ...nn.trace import layer_trace
from ..capture.layer_run import LayerRun
from ..memory.additive import memory_updates
from .patching import Site
from .rerun import Rerun, carried_up, changed_states, check_places

# The last layer, reading forwards, in the first row.
LAST = Site()


@torch.no_grad()
def counterfactual(
    seen: LayerRun, drop: Sequence[int] = (), keep: Sequence[int] = (), where: Site = LAST
) -> Rerun:
    """What the network would have come to, had it not written at some steps and erased nothing at others.

    One candidate: all changes in one run, in the order of reading, each made to what the earlier ones led to. A step
    that is in both keeps its memory as it was.
    Raises CellError for a cell that carries no memory, ShapeError for a step that is not the row's own or for several
    rows, SettingsError for runs with resets.
    """
    if not isinstance(where.rows, int):
        raise ShapeError(f"rows are {where.rows}; several changes are made in one row, so give its number")
    place = seen.place(where.layer, reverse=where.reverse)
    part, call = seen.trace.layers[place], seen.call(place)
    memory_updates(part)  # refuses a cell whose memory is no sum of writes
    steps = sorted({*drop, *keep}, reverse=part.reverse)
    row = torch.full((max(len(steps), 1),), where.rows)
    check_places(part, torch.tensor(steps, dtype=torch.long), row[: len(steps)])
    row = row[:1]
    length = int(part.is_real().sum(0)[where.rows])
    order = range(length - 1, -1, -1) if part.reverse else range(length)
    output = part[call.cell.states[0]][:, row].clone()
    states = tuple(state[row] for state in call.states)
    begin = 0
    for step in [*steps, None]:
        end = length if step is None else order.index(step)
        places = list(order[begin:end])
        if places:
            ran = run(Call.of(call.weights, call.x[places][:, row], states))
            output[places], states = ran.output, ran.final
        if step is None:
            break
        states = counterfactual_step(call, call.x[step, row], states, drop=step in drop, keep=step in keep)
        output[step], begin = states[0], end + 1
    return carried_up(seen, place, output, states, row)


def counterfactual_step(
    call: Call, x: Float[Tensor, "rows input"], states: tuple[Tensor, ...], *, drop: bool, keep: bool
) -> tuple[Tensor, ...]:
    """All states after one step from these, had the memory not been written or not been erased there; row by row."""
    alone = Call.of(call.weights, x.unsqueeze(0), states, trace=True)
    part = layer_trace(alone, run(alone), 0)
    writes = memory_updates(part)
    if drop:
        memory = writes.initial if keep else writes.keep_without_write[0] * writes.initial
    else:
        memory = (writes.initial if keep else writes.keep[0] * writes.initial) + writes.write[0]
    rows = torch.arange(len(x))
    return changed_states(alone, part, memory, (torch.zeros_like(rows), rows))
