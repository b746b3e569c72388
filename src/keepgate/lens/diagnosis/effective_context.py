"""Effective context size, the horizon: how many of the last steps a network needs to answer as it does given all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ..compact_repr import compact_repr
from .statistics import bootstrap

# What a loss may rise before a context counts as too short, in nats. Khandelwal et al. (2018) say 1 % of the
# perplexity, which asks for more rows than a test has: 0.05 nats is a probability that falls by 5 %.
EPSILON = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Horizon:
    """How far back a network's answers depend on what it read.

    steps:    the fewest last steps with which, and with all longer contexts, the loss is within epsilon of that given
              all: what lies further back makes no difference. Found among `contexts`.
    interval: where `steps` lies with the confidence asked for, by drawing the rows again.
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
    def helps(self) -> bool:
        """Whether reading more makes the loss fall by more than epsilon, and nowhere rise by as much."""
        return float(self.gap[0]) > self.epsilon and float(self.gap.min()) > -self.epsilon


def horizon(
    losses: Float[Tensor, "contexts rows"],
    contexts: Sequence[int],
    *,
    epsilon: float = EPSILON,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Horizon:
    """The horizon from each row's loss given its last 1, …, n steps; the last context is the whole row.

    contexts: ascending numbers of steps, one for each line of `losses`.
    Raises SettingsError for contexts that are not ascending or of another number, or without a row.
    Source: Khandelwal et al. (2018), arXiv:1805.04623.
    """
    contexts = tuple(contexts)
    if len(contexts) != len(losses) or list(contexts) != sorted(set(contexts)) or not losses.numel():
        raise SettingsError(
            f"losses are {list(losses.shape)} for the contexts {contexts}; give one line for each, ascending"
        )
    gaps = (losses - losses[-1]).double()

    def found(rows: Tensor) -> float:
        far = (gaps[:, rows].mean(1) >= epsilon).nonzero().flatten()
        return contexts[int(far[-1]) + 1 if len(far) else 0]

    low, high = bootstrap(found, gaps.shape[1], resamples=resamples, confidence=confidence)
    return Horizon(
        steps=int(found(torch.arange(gaps.shape[1]))),
        interval=(int(low), int(high)),
        contexts=contexts,
        gap=gaps.mean(1),
        loss=float(losses[-1].double().mean()),
        epsilon=epsilon,
    )


def geometric_grid(longest: int, *, ratio: float = 1.15) -> tuple[int, ...]:
    """Numbers of steps from 1 to `longest`, each about 15 % more than the one before."""
    found: list[int] = []
    now = 1.0
    while round(now) < longest:
        if not found or round(now) > found[-1]:
            found.append(round(now))
        now = max(now * ratio, now + 1)
    return (*found, longest)


def losses_by_context(
    loss: Callable[[Tensor], Float[Tensor, " rows"]], x: Tensor, contexts: Sequence[int], *, time: int = 0
) -> Float[Tensor, "contexts rows"]:
    """Each row's loss given its last steps only, for each number of steps, without gradients.

    loss: from an input cut short to each row's loss, in nats. time: the input's dimension of time.
    """
    steps = x.shape[time]
    with torch.no_grad():
        return torch.stack([loss(x.narrow(time, steps - n, n)).double().cpu() for n in contexts])
