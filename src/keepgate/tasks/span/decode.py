"""Scores of spans → the spans to answer with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

# Spans beyond the 64 most likely add nothing that a figure shows, and the comparison of each with each is small.
CONSIDERED = 64


@dataclass(frozen=True)
class Span:
    """Tokens `first` to `last`, both included, and how likely they are to be the answer, 0 to 1."""

    first: int
    last: int
    probability: float


def spans(scores: Floats, *, f1_weight: float, count: int) -> list[list[Span]]:
    """For each row its `count` best spans, best first; fewer if no more are possible.

    scores: [rows, time, longest]. A span is worth (1 - f1_weight) · its probability + f1_weight · its expected F1, were
    one of the likely spans right. With f1_weight 0 that is the most likely span. Minimum Bayes risk: Kumar & Byrne
    (2004), HLT-NAACL.
    """
    return [_spans_of(row, f1_weight, count) for row in scores.astype(np.float32, copy=False)]


def _spans_of(scores: Floats, f1_weight: float, count: int) -> list[Span]:
    flat = scores.ravel()
    shares = np.exp(flat - flat.max())
    shares /= shares.sum()
    considered = min(CONSIDERED, len(flat))
    likely = np.argpartition(-shares, considered - 1)[:considered]
    likely = likely[np.lexsort((likely, -shares[likely]))]
    share = shares[likely]
    first, beyond = np.divmod(likely, scores.shape[1])
    worth = (1 - f1_weight) * share + f1_weight * _expected_f1(first, first + beyond + 1, share)
    # Spans that reach beyond the text overlap with likely ones too.
    worth[share == 0] = -1
    best = np.argsort(-worth, kind="stable")[:count]
    columns = (values[best].tolist() for values in (first, first + beyond, share))
    return [span for span in (Span(*row) for row in zip(*columns, strict=True)) if span.probability > 0]


def _expected_f1(first: Ints, end: Ints, share: Floats) -> Floats:
    """Of each span against every other, weighted by how likely the other is: both are runs of the same tokens."""
    common = np.minimum(end[:, None], end) - np.maximum(first[:, None], first)
    size = end - first
    f1 = 2 * np.maximum(common, 0) / (size[:, None] + size)
    expected: Floats = (f1 * share).sum(1)
    return expected
