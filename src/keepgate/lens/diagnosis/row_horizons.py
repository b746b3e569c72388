"""Row horizons: how many of its last steps each row's answer rests on, by leaving out and exchanging the earlier ones.

The mean of the losses hides single rows: one answer in fifty may rest on what lies far back. An answer rests on the
earlier steps if it changes both where they are left out and where they are another row's: leaving them out also makes
the row shorter, and another row's may hold an answer of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ...tasks.samples import TaskSamples
from ..compact_repr import compact_repr
from .answer_quality import labels_given
from .effective_context import Horizon, fewest, geometric_grid, horizon
from .exchange import exchange_of
from .samples import Rows, Sample
from .statistics import quantile_interval, share_interval
from .usual_loss import usual_loss

# Beyond so many samples only the largest are measured; at most so many rows are given other rows' steps, of so many.
SAMPLES, ROWS, DONORS = 64, 256, 2
# How far back the answers lie is said for this share of the rows: from 36 rows on there is an interval.
SHARE = 0.9
# A number is another if it moves by this share of the targets' standard deviation, a hundredth of their variance.
MOVED = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class RowHorizons:
    """How many of its last steps each row's answer rests on.

    horizons: of each row that counts, the fewest last steps with which, and with all longer contexts, its answer stays
              as it is where what lies further back is left out, or where it is another row's, or both. Of labels the
              rows count that are answered right. Found among `contexts`, ascending.
    interval: where `steps` lies with 95 % confidence, exact, what lies between two contexts being part; None where the
              rows are too few to say it.
    right:    whether only right answers count.
    """

    horizons: Int[Tensor, " rows"]
    contexts: tuple[int, ...]
    interval: tuple[int, int] | None
    right: bool = False

    __repr__ = compact_repr

    @property
    def rows(self) -> int:
        """How many rows count."""
        return len(self.horizons)

    @property
    def steps(self) -> int:
        """Nine answers in ten rest on so many of the last steps, or on fewer; 0 without a row."""
        return int(self.horizons.double().quantile(SHARE, interpolation="higher")) if self.rows else 0

    @property
    def furthest(self) -> int:
        """The most of all rows."""
        return max(self.horizons.tolist(), default=0)

    def beyond(self, steps: int) -> tuple[int, tuple[float, float]]:
        """How many answers rest on more than so many of the last steps, and their share with 95 % confidence."""
        count = int((self.horizons > steps).sum())
        return count, share_interval(count, self.rows)


@dataclass(frozen=True, kw_only=True, eq=False)
class ContextEffects:
    """What the last steps do by themselves.

    cut:       the horizon where the earlier steps are left out (another row's, where the model takes no shorter rows).
    exchanged: where they are another row's; None where rows cannot be given others' steps. rows: the single rows'.
    """

    cut: Horizon
    exchanged: Horizon | None
    rows: RowHorizons


@torch.no_grad()
def context_effects(samples: Sequence[Sample], *, epsilon: float, seed: int) -> ContextEffects:
    """Over all rows: a shorter one counts as whole where a context is longer than it is.

    epsilon: what a loss may rise, in nats. seed: of the bootstrap, and of the rows whose steps others are given.
    """
    if len(samples) > SAMPLES:  # rows without their padding come in a sample for each length
        samples = sorted(samples, key=lambda sample: -len(sample.lengths))[:SAMPLES]
    contexts = geometric_grid(max(int(sample.lengths.max()) for sample in samples))
    whole = _Whole.of(samples, epsilon)
    cut_effects = _by_context(samples, contexts, whole, lambda k, last: _reply(samples[k], last))
    counts, changes, exchanged = whole.counts, cut_effects.changed, None
    lengths = torch.cat([sample.lengths for sample in samples])
    users = [sample for sample in samples if isinstance(sample, Rows)]
    if users:
        picked = torch.linspace(0, len(lengths) - 1, min(ROWS, len(lengths))).round().long()
        exchanged = _exchanged(_picked(users, picked), contexts, epsilon, seed)
        counts, changes, lengths = counts[picked], changes[:, picked], lengths[picked]
    if exchanged is not None:
        changes = exchanged.changed & changes if all(sample.cuts for sample in users) else exchanged.changed
    last = (changes * torch.arange(1, len(contexts) + 1).unsqueeze(1)).amax(0)
    horizons = torch.minimum(torch.tensor(contexts)[last], lengths)[counts]
    interval = quantile_interval(horizons, SHARE)
    return ContextEffects(
        cut=horizon(cut_effects.losses, contexts, epsilon=epsilon, seed=seed),
        exchanged=None if exchanged is None else horizon(exchanged.losses, contexts, epsilon=epsilon, seed=seed),
        rows=RowHorizons(
            horizons=horizons, contexts=contexts,
            interval=None if interval is None else (fewest(int(interval[0]), contexts), int(interval[1])),
            right=whole.labels is not None,
        ),
    )  # fmt: skip


def _picked(samples: Sequence[Rows], rows: Int[Tensor, " picked"]) -> list[Rows]:
    """These of all the samples' rows, ascending."""
    begins = torch.tensor([len(sample.lengths) for sample in samples]).cumsum(0)
    sample_of = torch.searchsorted(begins, rows, right=True)
    return [
        samples[k].picked(rows[sample_of == k] - (begins[k] - len(samples[k].lengths)))
        for k in sorted(set(sample_of.tolist()))
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tried:
    """By context, the losses and the rows whose answer is another than given everything."""

    losses: Float[Tensor, "contexts rows"]
    changed: Bool[Tensor, "contexts rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Reply:
    """The rows' losses, and, where they are known, their labels' scores or numbers with the targets."""

    losses: Float[Tensor, " rows"]
    answered: tuple[Tensor, Tensor] | None

    @property
    def labels(self) -> tuple[Tensor, Tensor] | None:
        """The labels given, [rows, labels], and the right ones."""
        if self.answered is None or self.answered[1].dtype.is_floating_point:
            return None
        labels, targets = labels_given(*self.answered)
        return labels.reshape(len(labels), -1).cpu(), targets.reshape(len(targets), -1).cpu()

    @property
    def numbers(self) -> tuple[Tensor, Tensor]:
        """The numbers given, [rows, numbers], and the right ones; the losses where nothing else is known."""
        if self.answered is None:
            return self.losses.unsqueeze(1), self.losses.unsqueeze(1)
        answers, targets = (part.reshape(len(part), -1).double().cpu() for part in self.answered)
        return answers, targets


def _reply(sample: Sample, last: int | None = None, rows: Rows | None = None) -> _Reply:
    """rows: what the model is given instead of the sample's own."""
    answered = None
    if isinstance(sample, Rows):
        inputs = sample.given(last) if rows is None else rows
        if sample.loss is None:
            answered = sample.answered_by(inputs)
        losses = sample.losses_by(inputs) if answered is None else usual_loss(*answered)
    elif isinstance(sample, TaskSamples) and sample.task.choices is not None:
        answered = sample.task.scored(sample.examples, last)
        losses = usual_loss(*answered)
    else:
        losses = sample.losses(last)
    return _Reply(losses=losses.double().cpu(), answered=answered)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Whole:
    """Rows given all that they have. labels, numbers: of each; labels is None where they are numbers.

    counts: the rows that are answered right, of labels. limit: what a number may move, or a loss rise.
    """

    losses: Float[Tensor, " rows"]
    labels: Int[Tensor, "rows _"] | None
    right: Bool[Tensor, "rows _"]
    numbers: Float[Tensor, "rows _"]
    limit: float

    @staticmethod
    def of(samples: Sequence[Sample], epsilon: float) -> "_Whole":
        replies = [_reply(sample) for sample in samples]
        losses = torch.cat([reply.losses for reply in replies])
        if replies[0].labels is not None:
            pairs = [reply.labels for reply in replies if reply.labels is not None]
            labels, targets = (torch.cat(parts) for parts in zip(*pairs, strict=True))
            return _Whole(
                losses=losses, labels=labels, right=labels == targets, numbers=losses.unsqueeze(1), limit=0.0
            )
        numbers, targets = (torch.cat(parts) for parts in zip(*[r.numbers for r in replies], strict=True))
        spread = float(targets.var(0, correction=0).mean().sqrt())
        limit = epsilon if replies[0].answered is None else MOVED * spread
        return _Whole(
            losses=losses,
            labels=None,
            right=torch.ones_like(numbers, dtype=torch.bool),
            numbers=numbers,
            limit=limit,
        )

    @property
    def counts(self) -> Bool[Tensor, " rows"]:
        return self.right.any(1)

    def changed(self, reply: _Reply, rows: slice) -> Bool[Tensor, " rows"]:
        """Whether the rows' right labels are others, or their numbers have moved, or their losses risen."""
        if self.labels is not None:
            assert reply.labels is not None
            return ((reply.labels[0] != self.labels[rows]) & self.right[rows]).any(1)
        numbers, _ = reply.numbers
        if reply.answered is None:
            return (numbers - self.numbers[rows])[:, 0] > self.limit
        return (numbers - self.numbers[rows]).square().mean(1).sqrt() > self.limit

    def differs(self) -> Bool[Tensor, "rows rows"]:
        """Which rows' answers are different ones: other labels, or numbers that are far apart."""
        if self.labels is not None:
            return (self.labels.unsqueeze(1) != self.labels).any(2)
        apart = (self.numbers.unsqueeze(1) - self.numbers).square().mean(2).sqrt()
        return apart > self.limit / MOVED


def _by_context(
    samples: Sequence[Sample], contexts: Sequence[int], whole: _Whole, reply: Callable[[int, int], _Reply]
) -> _Tried:
    """reply: of the sample of that number, given so many of its last steps."""
    losses, changes, first = [], [], 0
    for number, sample in enumerate(samples):
        rows = slice(first, first + len(sample.lengths))
        first = rows.stop
        shorter = [reply(number, last) for last in contexts if last < int(sample.lengths.max())]
        rest = len(contexts) - len(shorter)
        losses.append(torch.stack([each.losses for each in shorter] + [whole.losses[rows]] * rest))
        same = torch.zeros(len(sample.lengths), dtype=torch.bool)
        changes.append(torch.stack([whole.changed(each, rows) for each in shorter] + [same] * rest))
    return _Tried(losses=torch.cat(losses, 1), changed=torch.cat(changes, 1))


def _exchanged(samples: Sequence[Rows], contexts: Sequence[int], epsilon: float, seed: int) -> _Tried | None:
    """The mean over the draws, and the rows whose answer any of them changes."""
    whole = _Whole.of(samples, epsilon)
    exchange = exchange_of(samples, whole.differs(), draws=DONORS, seed=seed)
    if exchange is None:
        return None
    ends = torch.tensor([len(sample.lengths) for sample in samples]).cumsum(0).tolist()

    def given(draw: int) -> Callable[[int, int], _Reply]:
        def reply(number: int, last: int) -> _Reply:
            sample = samples[number]
            first = ends[number] - len(sample.lengths)
            return _reply(sample, rows=exchange.given(sample, first, draw, last))

        return reply

    tried = [_by_context(samples, contexts, whole, given(draw)) for draw in range(len(exchange.donors))]
    return _Tried(
        losses=torch.stack([each.losses for each in tried]).mean(0),
        changed=torch.stack([each.changed for each in tried]).any(0),
    )
