"""Padding: the constant tails and heads of rows, whether a model's answers depend on them, and rows without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from .model_io import leaves
from .samples import IGNORED, Rows

# Rows with a constant tail of so many steps or more show which step is padding; rows that end in it are counted, and
# told of from this share of all rows on. Where the same step comes in the middle of rows, too, a tail must be so long
# that fewer rows than this end so by chance.
TAIL, PADDED_ROWS, BY_CHANCE = 2, 0.1, 0.01
Side = Literal["end", "start"]
SIDES: tuple[Side, ...] = ("end", "start")
# Answers depend on the padding if a row's change by more than this of the answers' own spread without it.
CHANGED = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Padding:
    """Rows that end (or begin) in the same step for stretches of different length.

    side:  where it stands. share: of all steps. read: whether the answers change when it is cut off. change: by how
    much, in their standard deviations.
    lengths: of the rows without it. rows: the samples without it, in groups of one length; as they were given, if
    `counted`: the answers are worse without it, as of a model that learnt with it, so that it is measured with them.
    misplaced: whether it stands at the starts of rows whose lengths, which the model knows, are counted from there.
    targets: of a model that answers at each step, the share of the targets that stands in it, where they are all alike.
    """

    side: Side
    share: float
    read: bool
    lengths: Int[Tensor, " rows"]
    rows: Sequence[Rows]
    counted: bool = False
    misplaced: bool = False
    change: float = 0.0
    targets: float = 0.0


def padding_of(samples: Sequence[Rows]) -> Padding | None:
    """What may be padding in some batches; None where less than a tenth of the rows has any."""
    steps = sum(int(sample.lengths.sum()) for sample in samples)
    before = [_padding_before_ends(sample) for sample in samples]
    if any(int(stretch.sum()) for stretch in before):
        lengths = torch.cat([sample.lengths for sample in samples])
        read = int(torch.minimum(torch.cat(before), lengths).sum())
        return Padding(
            side="start", share=read / steps, read=True, lengths=lengths, rows=samples, misplaced=True
        )
    for side in SIDES:
        stretches = [_stretches(sample, side) for sample in samples]
        padded = torch.cat(stretches)
        if int((padded > 0).sum()) < PADDED_ROWS * len(padded) or not int(padded.sum()):
            continue
        pairs = zip(samples, stretches, strict=True)
        groups = [group for sample, stretch in pairs for group in _cut(sample, stretch, side)]
        change = _change(samples, stretches, groups, side)
        return Padding(
            side=side, share=int(padded.sum()) / steps, read=change > CHANGED, change=change,
            lengths=torch.cat([sample.lengths for sample in samples]) - padded, rows=groups,
            targets=_targets_in_it(samples, stretches, side),
        )  # fmt: skip
    return None


def _padding_before_ends(sample: Rows) -> Int[Tensor, " rows"]:
    """The steps at each row's start that are what its length leaves of all steps, where these are all the same step."""
    shorter = sample.steps - sample.lengths
    no_steps = torch.zeros_like(shorter)
    if sample.ends is None or sample.packed or sample.masked or int((shorter >= TAIL).sum()) < TAIL:
        return no_steps
    values = _values(sample)
    head = torch.arange(sample.steps) < shorter[:, None]
    step = values[shorter >= TAIL][0, 0]
    alike = (values == step).all(2).cpu()
    inside = alike[~head]
    return shorter if bool(alike[head].all()) and not bool(inside.all()) else no_steps


def _values(sample: Rows) -> Tensor:
    """What the rows are, `[rows, steps, features]`."""
    first = next(leaf for leaf in leaves(sample.inputs) if leaf.dim() > 1)
    first = first if sample.time else first.transpose(0, 1)
    return first.reshape(*first.shape[:2], -1)


def _stretches(sample: Rows, side: Side) -> Int[Tensor, " rows"]:
    """The steps of each row's constant tail or head, where it is the same step in stretches of different length."""
    no_steps = torch.zeros(len(sample.lengths), dtype=torch.long)
    if side == "end" and sample.ends is None and sample.each_step and bool((sample.targets == IGNORED).any()):
        ignored = (sample.targets if sample.time else sample.targets.T) == IGNORED
        return ignored.flip(1).long().cumprod(1).sum(1).clamp(max=sample.steps - 1).cpu()
    if not sample.cuts or sample.ends is not None or sample.steps < 2 * TAIL or len(no_steps) < 2:
        return no_steps
    values = _values(sample)
    values = values.flip(1) if side == "end" else values
    same = (values == values[:, :1]).all(2)
    runs = same.long().cumprod(1).sum(1).cpu()
    outer = values[:, 0]
    long = runs >= TAIL
    shared = (outer == outer[long].mode(0).values).all(1).cpu() if bool(long.any()) else long
    if bool(shared.any()):
        inside = torch.arange(sample.steps) >= runs.where(shared, 0)[:, None]
        common = float((values == outer[long].mode(0).values).all(2).cpu()[inside].double().mean())
        # Where long tails have shown which step it is, one such step may be padding as well.
        shared = shared & (common ** runs.double() < BY_CHANCE)
    # A row of nothing else is left as it is: there must be something to read.
    runs = runs.where(shared & (runs < sample.steps), 0)
    return runs if len(set(runs[runs > 0].tolist())) > 1 else no_steps


def _cut(sample: Rows, stretches: Int[Tensor, " rows"], side: Side) -> list[Rows]:
    """The rows without their tails or heads, those of one length together."""
    return [
        sample.picked(
            (stretches == stretch).nonzero().flatten(),
            sample.steps - stretch,
            begin=stretch if side == "start" else 0,
        )
        for stretch in torch.unique(stretches).tolist()
    ]


def _change(
    samples: Sequence[Rows], stretches: Sequence[Tensor], groups: Sequence[Rows], side: Side
) -> float:
    """How much the answers, of a model that gives one a step those at the rows' own ends, change without it, relative
    to their spread."""
    with torch.no_grad():
        whole = [
            _given(sample, sample.lengths - tails if side == "end" else None)[tails.argsort(stable=True)]
            for sample, tails in zip(samples, stretches, strict=True)
        ]
        alone = torch.cat([_given(group) for group in groups])
    padded = torch.cat([tails.sort().values for tails in stretches]) > 0
    change = (torch.cat(whole) - alone)[padded].abs().mean()
    return float(change / alone.std().clamp(min=1e-300))


def _targets_in_it(samples: Sequence[Rows], stretches: Sequence[Tensor], side: Side) -> float:
    """The share of the targets that stands in padding, of a model that answers at each step; 0 where they differ there,
    or are left out."""
    if not all(sample.each_step for sample in samples):
        return 0.0
    inside, count = [], 0
    for sample, stretch in zip(samples, stretches, strict=True):
        targets = (sample.targets if sample.time else sample.targets.transpose(0, 1)).cpu()
        place = torch.arange(sample.steps)
        place = place.flip(0) if side == "end" else place
        inside.append(targets[place < stretch.unsqueeze(1)].flatten())
        count += targets.numel()
    values = torch.cat(inside)
    left_out = not values.dtype.is_floating_point and bool((values == IGNORED).any())
    return 0.0 if left_out or bool((values != values[0]).any()) else len(values) / count


def _given(sample: Rows, ends: Tensor | None = None) -> Tensor:
    """What a model answers, a line for each row; with a loss of the user's own, the losses."""
    values = sample.answered(ends=ends)[0] if sample.loss is None else sample.losses()
    return values.reshape(len(values), -1).cpu().double()
