"""Rank correlation, and confidence intervals: by the bootstrap, and exact ones of shares and quantiles."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
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


def share_interval(count: int, rows: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact confidence interval of a share of which `count` in so many rows were counted; of no rows, 0 to 1.

    Source: Clopper & Pearson (1934), Biometrika 26.
    """
    outside = (1 - confidence) / 2
    low = 0.0 if count == 0 else _bisected(lambda share: 1 - _at_most(rows, share)[count - 1] < outside)
    high = 1.0 if count == rows else _bisected(lambda share: _at_most(rows, share)[count] > outside)
    return low, high


def quantile_interval(
    values: Float[Tensor, " values"] | Int[Tensor, " values"], share: float, *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Exact confidence interval of the quantile below which `share` lies; None where the values are too few to say it.

    Its ends are two of the values, whatever they are distributed like.
    Source: David & Nagaraja (2003), Order Statistics, section 7.1.
    """
    outside = (1 - confidence) / 2
    below = _at_most(len(values), share)
    low = sum(probability <= outside for probability in below)
    high = len(values) + 1 - sum(1 - probability <= outside for probability in below[:-1])
    if not 1 <= low <= high <= len(values):
        return None
    ordered = values.sort().values
    return float(ordered[low - 1]), float(ordered[high - 1])


def _at_most(rows: int, share: float) -> list[float]:
    """The binomial probabilities of at most 0, 1, … of so many rows, each with the probability `share`, in (0, 1)."""
    logs = [
        math.lgamma(rows + 1) - math.lgamma(k + 1) - math.lgamma(rows - k + 1)
        + k * math.log(share) + (rows - k) * math.log1p(-share)
        for k in range(rows + 1)
    ]  # fmt: skip
    return torch.tensor(logs, dtype=torch.float64).exp().cumsum(0).tolist()


def _bisected(below: Callable[[float], bool]) -> float:
    """Where between 0 and 1 a condition ceases to hold."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def _ranks(values: Tensor) -> Tensor:
    _, place, counts = torch.unique(values.double(), return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[place]
