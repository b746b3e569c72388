"""Evidence: how good a model's answers are, what padding does to them, and how far back a baseline must read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ...tasks.probe import SeriesProbed
from ...tasks.samples import TaskSamples
from .answer_bounds import Bound, bound_of
from .answer_quality import GOOD, AnswerQuality, answer_quality
from .confusion import Confusion, confusion_of
from .given_away import GivenAway, given_away
from .model_io import leaves
from .norm_statistics import Unfit, unfit_statistics
from .padding import Padding, padding_of
from .repeated_calls import Varies, varies
from .ridge_baseline import ROWS, Baseline, ridge_baseline
from .samples import Rows
from .target_faults import Shift, Wild, shift_of, skill_of_lengths, wild_targets
from .usual_loss import guessing_loss, usual_loss

# Where the answers are as good as this, from 0 for guessing to 1, no baseline is asked for more.
BEST = 0.95
# Answers that differ by no more than this share of the largest one, a hundred roundings of float32, are the same.
ROUNDING = 1e-5
# Answers that differ by more than this share of the largest one, where only other rows of the batch do, depend on them.
MIXED = 1e-3
# The baseline shows that there is more to be had if it is better by this much.
MORE = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """guess: what guessing costs, None where nobody knows. alike: whether all targets are the same.
    wild: targets far from the others. by_length: how well the rows' lengths alone tell the targets, from 0 for guessing
    to 1. shift: other targets that the answers fit. confusion: of labels.
    varies: what changes the answers when the same rows are given again. mixed: whether a row's answer depends on the
    other rows of its batch. constant: whether the answers stay as they are whatever is read, padding aside.

    each_step: whether the model answers at each step, of which each row's last is looked at. probabilities: of how many
    classes it gives these in the place of logits; None where it does not. away: what is read and tells the targets.

    unfit: a BatchNorm layer that is given other numbers than it learnt. bound: what no answer passes, though many
    targets do.

    quality: of the answers as they were given, None without a guess. without: the same with the padding cut off.
    """

    guess: float | None = None
    alike: bool = False
    wild: Wild | None = None
    by_length: float = 0.0
    shift: Shift | None = None
    confusion: Confusion = field(default_factory=Confusion)
    varies: Varies | None = None
    mixed: bool = False
    constant: bool = False
    each_step: bool = False
    probabilities: int | None = None
    away: GivenAway | None = None
    unfit: Unfit | None = None
    bound: Bound | None = None
    quality: AnswerQuality | None = None
    without: AnswerQuality | None = None
    padding: Padding | None = None
    baseline: Baseline | None = None

    @property
    def needed(self) -> int | None:
        """How far back the baseline had to read; None where there is none, or where it found nothing."""
        return self.baseline.needed if self.baseline is not None else None

    @property
    def more(self) -> bool:
        """Whether the baseline reads more off the rows than the answers show."""
        if self.quality is None or self.baseline is None or self.baseline.needed is None:
            return False
        return self.baseline.skill > self.quality.skill + MORE

    @property
    def padding_harms(self) -> bool:
        """Whether padding is read, and may be why the answers are not better: read before a row, it need not be in the
        way of one that was trained so."""
        padding = self.padding
        if padding is None or not padding.read or self.quality is None:
            return False
        if padding.misplaced or self.without is None:
            return padding.misplaced
        return padding.side == "end" or self.without.skill > self.quality.skill + MORE

    @property
    def good_without(self) -> bool:
        """Whether the answers are good on rows of any length once the padding is cut off."""
        quality = self.without
        return quality is not None and quality.skill >= GOOD and not quality.lost_on_some_rows

    @property
    def good(self) -> bool:
        """Whether the answers are good, on short rows and long ones, and nothing shows that there is more to be had."""
        quality = self.quality
        if quality is None or quality.skill < GOOD or self.more:
            return False
        return not quality.lost_on_some_rows


@torch.no_grad()
def evidence_of(samples: Sequence[Rows], *, seed: int = 0) -> Evidence:
    """Of a user's own model. seed: of the baseline's interval.

    Raises SettingsError for results and targets that do not fit.
    """
    padding, largest = padding_of(samples), max(samples, key=lambda sample: len(sample.lengths))
    constant = _constant(samples if padding is None else padding.rows)
    calls = Evidence(
        varies=varies(largest), mixed=_mixed(largest), constant=constant, padding=padding, each_step=largest.each_step
    )  # fmt: skip
    if samples[0].loss is not None:
        return replace(calls, alike=_alike(torch.cat([sample.targets.flatten() for sample in samples])))
    lengths = torch.cat([sample.lengths for sample in samples]) if padding is None else padding.lengths
    ends: Sequence[Tensor | None] = [None] * len(samples)
    if padding is not None and padding.side == "end":
        ends = torch.split(lengths, [len(sample.lengths) for sample in samples])
    answers, targets = _joined([sample.answered(ends=end) for sample, end in zip(samples, ends, strict=True)])
    usual_loss(answers, targets)  # refuses what does not fit
    quality = answer_quality(answers, targets, lengths)
    without = None if padding is None else _without(padding)
    if padding is not None and padding.side == "start" and quality is not None and without is not None:
        worse = without.skill < quality.skill - MORE
        padding = replace(padding, counted=True, rows=samples) if worse else padding
    best = max((each.skill for each in (quality, without) if each is not None), default=1.0)
    baseline = None if best >= BEST else _baseline(samples, padding, targets, seed)
    good = quality is None or quality.skill >= GOOD
    return replace(
        calls,
        guess=guessing_loss(targets),
        alike=_alike(targets),
        wild=wild_targets(targets),
        by_length=skill_of_lengths(lengths, targets),
        probabilities=largest.probabilities,
        away=given_away(torch.stack([row[-1] for row in _rows_alone(samples, padding)]), targets),
        shift=None if good else shift_of(samples, answers, targets),
        unfit=None if good else unfit_statistics(samples),
        bound=bound_of(answers, targets) if targets.dtype.is_floating_point and not good else None,
        confusion=Confusion() if targets.dtype.is_floating_point else confusion_of(answers, targets),
        quality=quality,
        without=without,
        padding=padding,
        baseline=baseline,
    )


@torch.no_grad()
def evidence_of_task(samples: Sequence[TaskSamples], choices: int | None) -> Evidence:
    """Of a model of ours: where nobody says how far back the answers lie, also how good they are."""
    guess = None if choices is None else math.log(choices)
    chooses_or_forecasts = choices is not None or isinstance(samples[0].task, SeriesProbed)
    if not chooses_or_forecasts or all(sample.located for sample in samples):
        return Evidence(guess=guess)
    answers, targets = _joined([sample.task.scored(sample.examples) for sample in samples])
    quality = answer_quality(answers, targets, torch.cat([sample.lengths for sample in samples]))
    return Evidence(
        guess=guessing_loss(targets), alike=_alike(targets), constant=_all_same(answers), quality=quality
    )


def _without(padding: Padding) -> AnswerQuality | None:
    """How good the answers are with the padding cut off; None where it cannot be, or changes nothing."""
    if not padding.read or padding.misplaced:
        return None
    cut = _joined([sample.answered() for sample in padding.rows])
    return answer_quality(*cut, torch.cat([sample.lengths for sample in padding.rows]))


def _joined(given: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.cat([answers for answers, _ in given]), torch.cat([targets for _, targets in given])


def _alike(targets: Tensor) -> bool:
    return len(targets) > 1 and bool((targets == targets[0]).all())


def _constant(samples: Sequence[Rows]) -> bool:
    """Whether all rows are answered alike, but for rounding, or none otherwise where it is given the next one's steps.

    With a loss of the user's own, whether no loss of a batch changes with that.
    """
    pairs = [
        (
            _replies(sample, sample),
            _replies(sample, sample.exchanged(torch.arange(len(sample.lengths)).roll(1))),
        )
        for sample in samples
    ]
    replies, exchanged = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    several = any(len(sample.lengths) > 1 for sample in samples)
    if several and _same(replies, exchanged):
        return True
    return samples[0].loss is None and _all_same(replies)


def _mixed(sample: Rows) -> bool:
    """Whether rows are answered otherwise where only their neighbours are given other steps, and not by chance."""
    rows = len(sample.lengths)
    if rows < 2:
        return False
    replies, pairs = _replies(sample, sample), torch.arange(rows) // 2 * 2
    # Every other row is its neighbour's copy: first the odd ones, then the even ones.
    answers_differ = [
        not _same(replies[stays::2], _replies(sample, sample.exchanged(copied))[stays::2], MIXED)
        for stays, copied in enumerate((pairs, (pairs + 1).clamp(max=rows - 1)))
    ]
    return any(answers_differ) and _same(replies, _replies(sample, sample))


def _replies(sample: Rows, rows: Rows) -> Tensor:
    """The answers, or the losses by a loss of the user's own, if the model is given these rows instead."""
    replies = sample.losses_by(rows) if sample.loss is not None else sample.answered_by(rows)[0]
    return replies.cpu()


def _same(some: Tensor, others: Tensor, share: float = ROUNDING) -> bool:
    return bool(((some - others).abs() <= share * some.abs().max()).all())


def _all_same(answers: Tensor) -> bool:
    return len(answers) > 1 and _same(answers, answers[:1])


def _baseline(samples: Sequence[Rows], padding: Padding | None, targets: Tensor, seed: int) -> Baseline:
    """From rows evenly picked over all batches, each without its padding."""
    rows = _rows_alone(samples, padding)
    picked = torch.linspace(0, len(rows) - 1, min(ROWS, len(rows))).round().long()
    return ridge_baseline([rows[k] for k in picked.tolist()], targets[picked.to(targets.device)], seed=seed)


def _rows_alone(samples: Sequence[Rows], padding: Padding | None) -> list[Tensor]:
    """Each row of the first input that runs over time, `[steps, …]`, without its padding."""
    lengths = torch.cat([sample.lengths for sample in samples]) if padding is None else padding.lengths
    whole = [row for sample in samples for row in _rows(sample)]
    first = padding is not None and padding.side == "start"
    return [row[-n:] if first else row[:n] for row, n in zip(whole, lengths.tolist(), strict=True)]


def _rows(sample: Rows) -> list[Tensor]:
    """The same as the model is given them."""
    values: Any = next(leaf for leaf in leaves(sample.inputs) if leaf.dim() > 1)
    return list((values if sample.time else values.transpose(0, 1)).cpu())
