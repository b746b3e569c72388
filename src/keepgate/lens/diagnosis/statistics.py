"""Rank correlation, and bootstrap confidence intervals."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import ShapeError


def rank_correlation(a: Float[Tensor, " values"], b: Float[Tensor, " values"]) -> float:
    """Spearman's rank correlation, -1 to 1; equal values share their mean rank. NaN if one list is all equal.

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
    """Confidence interval of a statistic by the bootstrap: the rows are drawn again, with replacement.

    statistic: from the numbers of the rows drawn, [rows], to its value. Source: Efron (1979), percentile method.
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
