"""Notes on the data, told before a verdict: what may be padding, targets from which nothing can be learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .model_io import leaves
from .samples import Rows

# Rows with a constant tail of so many steps or more are counted, and told of from this share of all rows on.
TAIL, PADDED_ROWS = 2, 0.1


@dataclass(frozen=True, kw_only=True)
class DataNote:
    """kind: "padding", with the share of all steps that it takes; "alike": every target is the same."""

    kind: Literal["padding", "alike"]
    share: float = 1.0


def data_notes(samples: Sequence[Rows]) -> tuple[DataNote, ...]:
    """What is odd about the data of a user's own model."""
    notes = []
    padded, steps, rows_padded, rows = 0, 0, 0, 0
    for sample in samples:
        tails = _padded_tails(sample)
        padded, rows_padded = padded + int(tails.sum()), rows_padded + int((tails > 0).sum())
        steps, rows = steps + int(sample.lengths.sum()), rows + len(sample.lengths)
    if rows_padded >= PADDED_ROWS * rows and padded:
        notes.append(DataNote(kind="padding", share=padded / steps))
    targets = torch.cat([sample.targets.flatten() for sample in samples])
    if len(targets) > 1 and bool((targets == targets[0]).all()):
        notes.append(DataNote(kind="alike"))
    return tuple(notes)


def _padded_tails(sample: Rows) -> Tensor:
    """The steps of each row's constant tail, where rows end in the same step for stretches of different length."""
    nothing = torch.zeros(len(sample.lengths), dtype=torch.long)
    if sample.ends is not None or sample.steps < 2 * TAIL or len(nothing) < 2:
        return nothing
    first = next(leaf for leaf in leaves(sample.inputs) if leaf.dim() > 1)
    first = first if sample.time else first.transpose(0, 1)
    values = first.reshape(*first.shape[:2], -1)  # [rows, steps, features]
    same = (values == values[:, -1:]).all(2).flip(1)
    tails = same.long().cumprod(1).sum(1).cpu()
    ends = values[:, -1]
    long = tails >= TAIL
    shared = (ends == ends[long].mode(0).values).all(1).cpu() if bool(long.any()) else long
    tails = tails.where(long & shared, 0)
    return tails if len(tails[tails > 0].unique()) > 1 else nothing
