"""Evidence: how good a model's answers are, what padding does to them, and how far back a baseline must read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...tasks.samples import TaskSamples
from .answer_quality import AnswerQuality, answer_quality
from .model_io import leaves
from .padding import Padding, padding_of
from .ridge_baseline import ROWS, Baseline, ridge_baseline
from .samples import Rows
from .usual_loss import guessing_loss, usual_loss

# Where the answers are as good as this, from 0 for guessing to 1, no baseline is asked for more.
BEST = 0.95
# Answers are good from this skill on, if neither the rows' lengths nor the baseline show that there is more to be had,
# by this much.
GOOD, MORE = 0.8, 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """guess: what guessing costs, None where nobody knows. alike: whether all targets are the same.

    quality: of the answers as they were given, None without a guess. without: the same with the padding cut off.
    """

    guess: float | None = None
    alike: bool = False
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
    padding = padding_of(samples)
    if samples[0].loss is not None:
        return Evidence(
            padding=padding, alike=_alike(torch.cat([sample.targets.flatten() for sample in samples]))
        )
    lengths = torch.cat([sample.lengths for sample in samples])
    ends: list[Tensor | None] = [None] * len(samples)
    if padding is not None and padding.side == "end":
        lengths = padding.lengths
        ends = list(torch.split(lengths, [len(sample.lengths) for sample in samples]))
    answers, targets = _joined([sample.answered(ends=end) for sample, end in zip(samples, ends, strict=True)])
    guess = guessing_loss(targets)
    usual_loss(answers, targets)  # refuses what does not fit
    quality = answer_quality(answers, targets, lengths)
    without = None
    if padding is not None and padding.read:
        cut = _joined([sample.answered() for sample in padding.rows])
        without = answer_quality(*cut, torch.cat([sample.lengths for sample in padding.rows]))
    best = max((each.skill for each in (quality, without) if each is not None), default=1.0)
    baseline = None if best >= BEST else _baseline(samples, padding, targets, seed)
    return Evidence(
        guess=guess,
        alike=_alike(targets),
        quality=quality,
        without=without,
        padding=padding,
        baseline=baseline,
    )


@torch.no_grad()
def evidence_of_task(samples: Sequence[TaskSamples], choices: int | None) -> Evidence:
    """Of a model of ours: where nobody says how far back the answers lie, also how good they are."""
    guess = None if choices is None else math.log(choices)
    if all(sample.located for sample in samples):
        return Evidence(guess=guess)
    answers, targets = _joined([sample.task.scored(sample.examples) for sample in samples])
    quality = answer_quality(answers, targets, torch.cat([sample.lengths for sample in samples]))
    return Evidence(guess=guessing_loss(targets), alike=_alike(targets), quality=quality)


def _joined(given: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.cat([answers for answers, _ in given]), torch.cat([targets for _, targets in given])


def _alike(targets: Tensor) -> bool:
    return len(targets) > 1 and bool((targets == targets[0]).all())


def _baseline(samples: Sequence[Rows], padding: Padding | None, targets: Tensor, seed: int) -> Baseline:
    """From rows evenly picked over all batches, each without its padding."""
    lengths = torch.cat([sample.lengths for sample in samples]) if padding is None else padding.lengths
    picked = torch.linspace(0, len(lengths) - 1, min(ROWS, len(lengths))).round().long()
    whole = [row for sample in samples for row in _rows(sample)]
    first = padding is not None and padding.side == "start"
    rows = [
        whole[k][-n:] if first else whole[k][:n]
        for k, n in zip(picked.tolist(), lengths[picked].tolist(), strict=True)
    ]
    return ridge_baseline(rows, targets[picked.to(targets.device)], seed=seed)


def _rows(sample: Rows) -> list[Tensor]:
    """Each row of the first input that runs over time, `[steps, …]`."""
    values: Any = next(leaf for leaf in leaves(sample.inputs) if leaf.dim() > 1)
    return list((values if sample.time else values.transpose(0, 1)).cpu())
