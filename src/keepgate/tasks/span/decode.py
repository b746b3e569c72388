"""Scores of spans → the spans to answer with."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

# Spans beyond the 64 most likely add nothing that a figure shows, and the comparison of each with each is small.
CONSIDERED = 64


@dataclass(frozen=True)
class Span:
    """Tokens `first` to `last`, both included, and how likely they are to be the answer, 0 to 1."""

    first: int
    last: int
    probability: float


def spans(scores: Float[Tensor, "batch time longest"], *, f1_weight: float, count: int) -> list[list[Span]]:
    """For each row its `count` best spans, best first; fewer if no more are possible.

    A span is worth (1 - f1_weight) · its probability + f1_weight · its expected F1, were one of the likely spans
    right. With f1_weight 0 that is the most likely span. Minimum Bayes risk: Kumar & Byrne (2004), HLT-NAACL.
    """
    longest = scores.shape[2]
    likely = scores.float().flatten(1).softmax(-1).topk(min(CONSIDERED, scores[0].numel()))
    first, beyond = likely.indices // longest, likely.indices % longest
    worth = (1 - f1_weight) * likely.values + f1_weight * _expected_f1(
        first, first + beyond + 1, likely.values
    )
    # Spans that reach beyond the text overlap with likely ones too.
    worth = worth.masked_fill(likely.values == 0, -1)
    best = worth.topk(min(count, worth.shape[1])).indices
    columns = (values.gather(1, best).tolist() for values in (first, first + beyond, likely.values))
    rows = ([Span(*span) for span in zip(*row, strict=True)] for row in zip(*columns, strict=True))
    return [[span for span in row if span.probability > 0] for row in rows]


def _expected_f1(
    first: Tensor, end: Tensor, share: Float[Tensor, "batch spans"]
) -> Float[Tensor, "batch spans"]:
    """Of each span against every other, weighted by how likely the other is: both are runs of the same tokens."""
    common = torch.minimum(end[:, :, None], end[:, None]) - torch.maximum(first[:, :, None], first[:, None])
    size = end - first
    f1 = 2 * common.clamp_min(0) / (size[:, :, None] + size[:, None])
    return (f1 * share[:, None]).sum(-1)
