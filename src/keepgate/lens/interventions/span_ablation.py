"""Span ablation: the writes of a span left out together, the network run again from there on."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import ShapeError
from ..capture.layer_run import LayerRun
from ..memory.additive import memory_updates
from .combined import LAST, counterfactual_step
from .patching import Site
from .rerun import Rerun, carried_up, check_places, read_on


@torch.no_grad()
def ablate_spans(seen: LayerRun, pieces: Sequence[tuple[int, int]], where: Site = LAST) -> Rerun:
    """What the network would have come to, had it written nothing from one step up to another; one candidate a piece.

    Each step of a piece is run from what the one before it led to, and so is all that follows.
    Raises CellError for a cell that carries no memory, ShapeError for a piece that is empty or not the row's own.
    """
    place = seen.place(where.layer, reverse=where.reverse)
    part, call = seen.trace.layers[place], seen.call(place)
    memory_updates(part)  # refuses a cell whose memory is no sum of writes
    starts, ends = torch.tensor([start for start, _ in pieces]), torch.tensor([end for _, end in pieces])
    rows = torch.as_tensor(where.rows).expand(len(pieces))
    if bool((starts >= ends).any()):
        raise ShapeError(f"pieces are {list(pieces)}; each must end after it starts")
    check_places(part, starts, rows)
    check_places(part, ends - 1, rows)
    begin, last = (ends - 1, starts) if part.reverse else (starts, ends - 1)
    states = tuple(part.state_before(name)[begin, rows] for name in call.cell.states)
    shown: list[tuple[Tensor, Tensor, Tensor]] = []
    for k in range(int((ends - starts).max())):
        going = ends - starts > k
        at = torch.where(going, begin - k if part.reverse else begin + k, last)
        after = counterfactual_step(call, call.x[at, rows], states, drop=True, keep=False)
        states = tuple(
            torch.where(going.unsqueeze(1), new, old) for new, old in zip(after, states, strict=True)
        )
        shown.append((at[going], going.nonzero()[:, 0], states[0][going]))
    output, final = read_on(call, part, states, last, rows)
    for at, candidate, value in shown:
        output[at, candidate] = value
    return carried_up(seen, place, output, final, rows)
