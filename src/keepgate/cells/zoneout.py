"""A cell with zoneout and recurrent dropout: in training by masks that its caller gives, else by their means."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ..equations import Cell, Named, Step, cell
from .variants import variant

KEEP_OUTPUT, KEEP_MEMORY, DROPOUT = "keep_output", "keep_memory", "dropout_mask"  # unit inputs
DROPPED = "dropped_output"  # the state that uh is computed from


@cache
def with_zoneout(base: Cell, output: float, memory: float) -> Cell:
    """The cell in evaluation: each state is p s_{t-1} + (1 - p) s_t, the mean over zoneout's masks.

    output, memory: p of the first state and of the others. Krueger et al. (2017), arXiv:1606.01305. As there, an LSTM's
    h_t is computed from the memory before its zoneout.
    """
    if output == memory == 0:
        return base

    def step(wx: Named, uh: Named, s: Named, *vectors: Named) -> Step:
        return Step(**_zoned(base, base.step(wx, uh, s, *vectors), s, output, memory))

    return variant(_declared(base, step, "zoneout"), with_zoneout, base, output, memory)


@cache
def with_masks(base: Cell, output: bool, memory: bool, dropout: bool) -> Cell:
    """The cell in training, with the masks as unit inputs, those that are asked for.

    output, memory: keep_output and keep_memory, 1 where a unit of the first state, of the others, stays as it was.
    dropout: dropout_mask, by which h is multiplied on its way into uh. Gal & Ghahramani (2016), arXiv:1512.05287.
    """
    names = [n for n, want in ((KEEP_OUTPUT, output), (KEEP_MEMORY, memory), (DROPOUT, dropout)) if want]

    def step(wx: Named, uh: Named, s: Named, *given: Named) -> Step:
        *vectors, masks = given
        keep_output = getattr(masks, KEEP_OUTPUT) if output else 0.0
        keep_memory = getattr(masks, KEEP_MEMORY) if memory else 0.0
        new = _zoned(base, base.step(wx, uh, s, *vectors), s, keep_output, keep_memory)
        dropped = {DROPPED: new[base.recurrent_state] * getattr(masks, DROPOUT)} if dropout else {}
        return Step(**new, **dropped)

    declared = _declared(base, step, "_".join(names), inputs=names, state=DROPPED if dropout else None)
    return variant(declared, with_masks, base, output, memory, dropout)


def _zoned(base: Cell, new: Mapping[str, Any], s: Named, output: Any, memory: Any) -> dict[str, Any]:
    """What a step returned, each state mixed with the one before it; a share of 0.0 is none."""
    mixed = dict(new)
    for state, keep in zip(base.states, (output, *[memory] * (len(base.states) - 1)), strict=True):
        if not (isinstance(keep, float) and keep == 0.0):
            mixed[state] = keep * getattr(s, state) + (1.0 - keep) * new[state]
    return mixed


def _declared(base: Cell, step: Any, name: str, inputs: Sequence[str] = (), state: str | None = None) -> Cell:
    step.__name__ = f"{base.name}_{name}"
    return cell(
        gates=" ".join(base.gates),
        states=" ".join([*base.states, *([] if state is None else [state])]),
        recurrent=base.recurrent,
        vectors=" ".join(base.vectors),
        unit_inputs=" ".join(inputs),
        recurrent_state=state or base.recurrent_state,
        letters=base.letters,
    )(step)
