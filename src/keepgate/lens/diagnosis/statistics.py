"""Rank correlation, and how sure a figure is that was measured on some rows only."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import ShapeError


def rank_correlation(a: Float[Tensor, " values"], b: Float[Tensor, " values"]) -> float:
    """How far two lists are in the same order, -1 to 1; equal values share their mean rank. NaN if one is all equal.

    Raises ShapeError for fewer than two values. Source: Spearman (1904), American Journal of Psychology 15.
    """
    if len(a) < 2:
        raise ShapeError(f"a rank correlation takes two values or more, got {len(a)}")
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x.norm() * y.norm()))


def bootstrap(
    statistic: Callable[[Tensor], float],
    rows: int,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """The interval in which a figure lies with that confidence, by drawing the rows again, with replacement.

    statistic: from the numbers of the rows drawn, [rows], to the figure. Source: Efron (1979), percentile method.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = (torch.randint(0, rows, (rows,), generator=generator) for _ in range(resamples))
    figures = sorted(map(statistic, drawn))
    outside = (1 - confidence) / 2
    low = figures[round(outside * (resamples - 1))]
    return low, figures[round((1 - outside) * (resamples - 1))]


def _ranks(values: Tensor) -> Tensor:
    _, place, counts = torch.unique(values.double(), return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[place]
