"""Effective context size, the horizon: how many of the last steps a network needs to answer as it does given all."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ..compact_repr import compact_repr
from .statistics import bootstrap

# The rise of the loss from which a context counts as too short, in nats. Khandelwal et al. (2018) say 1 % of the
# perplexity, which asks for more rows than a test has: 0.05 nats is a probability that falls by 5 %.
EPSILON = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Horizon:
    """Effective context size of a network: how far back its answers depend on what it read.

    steps:    the fewest last steps with which, and with all longer contexts, the loss is within epsilon of that given
              all: what lies further back makes no difference. Found among `contexts`.
    interval: where `steps` lies with the confidence asked for, by drawing the rows again; what lies between two
              contexts that were tried is part.
    contexts: the numbers of last steps that were tried, ascending; the last is all of them.
    loss:     given all, the mean over the rows, in nats. epsilon: what it may rise before a context is too short.
    gap:      the loss given so many steps minus that given all, the mean over the rows, in nats.
    """

    steps: int
    interval: tuple[int, int]
    contexts: tuple[int, ...]
    gap: Float[Tensor, " contexts"]
    loss: float
    epsilon: float

    __repr__ = compact_repr

    @property
    def explained(self) -> float:
        """The share of the loss given the shortest context that reading everything takes away, 1 at most."""
        return float(self.gap[0]) / (float(self.gap[0]) + self.loss)

    @property
    def context_helps(self) -> bool:
        """Whether reading more makes the loss fall by more than epsilon, and nowhere rise by as much."""
        return float(self.gap[0]) > self.epsilon and float(self.gap.min()) > -self.epsilon


def horizon(
    losses: Float[Tensor, "contexts rows"],
    contexts: Sequence[int],
    *,
    epsilon: float = EPSILON,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Horizon:
    """The horizon from each row's loss given its last 1, …, n steps; the last context is the whole row.

    contexts: ascending numbers of steps, one for each line of `losses`. seed: of the bootstrap.
    Raises SettingsError for contexts that are not ascending or of another number, or without a row.
    Source: Khandelwal et al. (2018), arXiv:1805.04623.
    """
    contexts = tuple(contexts)
    if len(contexts) != len(losses) or list(contexts) != sorted(set(contexts)) or not losses.numel():
        raise SettingsError(
            f"losses are {list(losses.shape)} for the contexts {contexts}; give one line for each, ascending"
        )
    gaps = (losses - losses[-1]).double()

    def steps(rows: Tensor) -> int:
        too_short = (gaps[:, rows].mean(1) >= epsilon).nonzero().flatten()
        return contexts[int(too_short[-1]) + 1 if len(too_short) else 0]

    low, high = bootstrap(steps, gaps.shape[1], resamples=resamples, confidence=confidence, seed=seed)
    return Horizon(
        steps=steps(torch.arange(gaps.shape[1])), interval=(fewest(int(low), contexts), int(high)), contexts=contexts,
        gap=gaps.mean(1), loss=float(losses[-1].double().mean()), epsilon=epsilon,
    )  # fmt: skip


def fewest(steps: int, contexts: Sequence[int]) -> int:
    """The fewest steps for which so many are found among contexts: one more than the largest below."""
    return max((context for context in contexts if context < steps), default=0) + 1


def geometric_grid(longest: int, *, ratio: float = 1.15) -> tuple[int, ...]:
    """Geometric grid: numbers of steps from 1 to `longest`, each about 15 % more than the one before."""
    grid, steps = [], 1.0
    while round(steps) < longest:
        grid.append(round(steps))
        steps = max(steps * ratio, steps + 1)
    return (*grid, longest)
