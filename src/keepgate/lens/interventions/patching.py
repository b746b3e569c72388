"""Ablation, clamping and activation patching of a memory at one step; the true network is run again from there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...errors import ShapeError
from ..capture.layer_run import LayerRun, in_callers_order
from ..memory.additive import MemoryUpdates, memory_updates
from .rerun import Rerun, check_places, rerun_from

Steps = Sequence[int] | Int[Tensor, " candidates"]

# Numbers of the rerun's outputs held at once by `batched_effects`: 64 MiB of float32.
AT_ONCE = 16_777_216


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is changed: a layer and direction, and one row for all candidates or one for each."""

    layer: int = -1
    reverse: bool = False
    rows: int | Sequence[int] = 0


def ablate_writes(seen: LayerRun, steps: Steps, where: Site = Site()) -> Rerun:
    """What the network would have come to, had the gate that writes been shut at a step, one candidate a step.

    An LSTM with i_s := 0 still forgets what f_s says. In a GRU one gate does both, so that with 1 - z_s := 0 its memory
    stays as it was. Everything after the memory follows as in the true network: what that step shows, all later gates.
    Raises CellError for a cell that carries no memory, ShapeError for a step that is not the row's own.
    """
    return _changed(seen, steps, where, lambda writes, before, at: writes.keep_without_write[at] * before)


def hold_memory(seen: LayerRun, steps: Steps, where: Site = Site()) -> Rerun:
    """What the network would have come to, had it erased nothing at a step: a_t := 1, one candidate a step.

    What the step writes, it writes all the same; also in a GRU, whose one gate could not do both.
    Raises as `ablate_writes` does.
    """
    return _changed(seen, steps, where, lambda writes, before, at: before + writes.write[at])


def patch_memories(
    seen: LayerRun, step: int, row: int, other: int, *, other_step: int | None = None,
    layer: int = -1, reverse: bool = False,
) -> Rerun:  # fmt: skip
    """Two rows' outputs, had their memories after a step been exchanged: first `row`, then `other`.

    other_step: the step of the other row; None is the same. It works for a plain RNN too, whose memory is h.
    """
    part = seen.trace.layer(layer, reverse=reverse)
    steps = torch.tensor([step, step if other_step is None else other_step])
    rows = torch.tensor([row, other])
    check_places(part, steps, rows)
    memories = part[part.cell.memory_state][steps.flip(0), rows.flip(0)]
    return rerun_from(seen, memories, steps, rows, seen.place(layer, reverse=reverse))


def batched_effects(
    change: Callable[[LayerRun, Steps, Site], Rerun],
    seen: LayerRun,
    steps: Steps,
    answer: Callable[[Rerun], Float[Tensor, "candidates answers"]],
    where: Site = Site(),
) -> Float[Tensor, "candidates answers"]:
    """The answers after each candidate's change, in as many runs as memory asks for.

    change: `ablate_writes` or `hold_memory`. answer: from what was run again to the answers, such as
    `lambda rerun: readout(rerun.last())`. Subtract the answers of the run itself to have the change.
    """
    given = torch.as_tensor(steps)
    rows = torch.as_tensor(where.rows).expand(len(given))
    size = max(1, AT_ONCE // max(1, seen.trace.output.shape[0] * seen.trace.output.shape[2]))
    parts = []
    for start in range(0, len(given), size):
        taken = slice(start, start + size)
        here = Site(layer=where.layer, reverse=where.reverse, rows=rows[taken].tolist())
        parts.append(answer(change(seen, given[taken], here)))
    return torch.cat(parts)


@contextmanager
def patched(module: nn.Module, rerun: Rerun) -> Iterator[None]:
    """While it lasts, a layer inside a user's model gives what was run again, so that the model answers from that.

    The model has to be called with as many rows as there are candidates, all as long as the row that was changed:

        with replaying(model.lstm, rerun):
            answers = model(x.expand(rerun.candidates, -1))

    Raises ShapeError, in the model's call, for another number of rows or steps.
    """

    def instead(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> Any:
        given = dict(zip(("input", "hx"), args, strict=False)) | kwargs
        arranged = in_callers_order(given["input"], module, given.get("lengths"))
        output = rerun.output
        if arranged.x.shape[:2] != output.shape[:2]:
            raise ShapeError(
                f"the layer was given {list(arranged.x.shape[:2])} steps and rows, but {list(output.shape[:2])} were "
                "run again; call the model with one row for each candidate"
            )
        packed = arranged.packed
        if packed is not None and packed.sorted_indices is not None and arranged.lengths is not None:
            output = output.index_select(1, packed.sorted_indices)
            arranged = arranged._replace(lengths=arranged.lengths[packed.sorted_indices.cpu()])
        final = rerun.final if arranged.batched else tuple(state.squeeze(1) for state in rerun.final)
        return arranged.output(output), final if len(final) > 1 else final[0]

    hook = module.register_forward_hook(instead, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _changed(
    seen: LayerRun,
    steps: Steps,
    where: Site,
    change: Callable[[MemoryUpdates, Tensor, tuple[Tensor, Tensor]], Tensor],
) -> Rerun:
    place = seen.place(where.layer, reverse=where.reverse)
    part = seen.trace.layers[place]
    writes = memory_updates(part)
    given = torch.as_tensor(steps)
    rows = torch.as_tensor(where.rows).expand(len(given))
    check_places(part, given, rows)
    at = (given, rows)
    memories = change(writes, part.state_before(writes.state)[at], at)
    return rerun_from(seen, memories, given, rows, place)
