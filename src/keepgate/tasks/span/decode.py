"""Scores of spans → the spans to answer with."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...data.text import Tokens, sentence_around
from ...errors import BundleError
from ..answer import CANDIDATES, Answer, check_finite
from .settings import NEVER

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

# Spans beyond the 64 most likely add nothing that a figure shows, and the comparison of each with each is small.
CONSIDERED = 64
# Several spans may spell the same answer.
SPANS_DECODED = 4 * CANDIDATES


@dataclass(frozen=True)
class Span:
    """Tokens `first` to `last`, both included, and how likely they are to be the answer, 0 to 1."""

    first: int
    last: int
    probability: float


@dataclass(frozen=True)
class SpanOrNone:
    """The best span as an answer, and that the text has none; odds: log odds of none against the most likely span."""

    span: Answer
    none: Answer
    odds: float

    @classmethod
    def of(cls, span: Answer, scores: Floats, null: float, temperature: float = 1.0) -> "SpanOrNone":
        """From the best answer among spans with these scores [time, longest] and the score of none, in nats.

        The probabilities are by this temperature, as those of `span` are; the odds are not.
        """
        highest = float(scores.max())
        total = float(np.exp((scores - highest) / temperature).sum(dtype=np.float64))
        of_spans = highest / temperature + math.log(total)
        share = 1 / (1 + math.exp(min(of_spans - null / temperature, 700)))
        others = [(text, probability * (1 - share)) for text, probability in span.candidates]
        none = Answer("", share, candidates=(("", share), *others)[:CANDIDATES])
        ranked = sorted([("", share), *others[1:]], key=lambda candidate: -candidate[1])
        scaled = replace(span, probability=others[0][1], candidates=(others[0], *ranked)[:CANDIDATES])
        return cls(scaled, none, null - highest)

    def decided(self, threshold: float) -> Answer:
        """None where its log odds are above the threshold, else the span."""
        return self.none if self.odds > threshold else self.span


def answer_of(
    text: str, tokens: Tokens, scores: Floats, null: float | None, *,
    f1_weight: float, threshold: float, temperature: float = 1.0,
) -> Answer:  # fmt: skip
    """The answer from the scores of a text's spans and of no answer, which is None of a reader that always gives one.

    Raises BundleError if the scores are not finite or place no answer in the text.
    """
    check_finite(scores)
    (best,) = spans(scores[None], f1_weight=f1_weight, count=SPANS_DECODED, temperature=temperature)
    answer = best_answer(text, best, tokens)
    if null is None:
        return answer
    check_finite(np.array(null))
    return SpanOrNone.of(answer, scores, null, temperature).decided(threshold)


def starts_and_ends(start: Floats, end: Floats, longest: int) -> Floats:
    """[t, k] = start[t] + end[t + k], and `NEVER` in place of an end after the last."""
    onward = np.concatenate([end, np.full(longest - 1, NEVER, end.dtype)])
    scores: Floats = start[:, None] + np.lib.stride_tricks.sliding_window_view(onward, longest)
    return scores


def spans(scores: Floats, *, f1_weight: float, count: int, temperature: float = 1.0) -> list[list[Span]]:
    """For each row its `count` best spans, best first; fewer if no more are possible.

    scores: [rows, time, longest]. A span is worth (1 - f1_weight) · its probability + f1_weight · its expected F1, were
    one of the likely spans right. With f1_weight 0 that is the most likely span. Minimum Bayes risk: Kumar & Byrne
    (2004), HLT-NAACL. temperature: of the probabilities that come back; those that spans are chosen by have none.
    """
    return [_spans_of(row, f1_weight, count, temperature) for row in scores.astype(np.float32, copy=False)]


def _shares(scores: Floats, temperature: float) -> Floats:
    """The softmax of scores whose highest is 0."""
    shares: Floats = np.exp(scores / temperature)
    return shares / shares.sum()


def _spans_of(scores: Floats, f1_weight: float, count: int, temperature: float) -> list[Span]:
    flat = scores.ravel() - scores.max()
    shares = _shares(flat, 1.0)
    considered = min(CONSIDERED, len(flat))
    likely = np.argpartition(-shares, considered - 1)[:considered]
    likely = likely[np.lexsort((likely, -shares[likely]))]
    share = shares[likely]
    first, beyond = np.divmod(likely, scores.shape[1])
    worth = (1 - f1_weight) * share + f1_weight * _expected_f1(first, first + beyond + 1, share)
    # Spans that reach beyond the text overlap with likely ones too.
    worth[share == 0] = -1
    best = np.argsort(-worth, kind="stable")[:count]
    best = best[share[best] > 0]
    calibrated = _shares(flat, temperature)[likely]
    columns = (values[best].tolist() for values in (first, first + beyond, calibrated))
    return [Span(*row) for row in zip(*columns, strict=True)]


def _expected_f1(first: Ints, end: Ints, share: Floats) -> Floats:
    """Of each span against every other, weighted by how likely the other is: both are runs of the same tokens."""
    common = np.minimum(end[:, None], end) - np.maximum(first[:, None], first)
    size = end - first
    f1 = 2 * np.maximum(common, 0) / (size[:, None] + size)
    expected: Floats = (f1 * share).sum(1)
    return expected


def best_answer(text: str, best_spans: Iterable[Span], tokens: Tokens) -> Answer:
    """The first of some spans as an answer, and the others after it. Raises BundleError if none is inside the text."""
    places: dict[str, tuple[int, int, float]] = {}
    for span in best_spans:
        # A model whose scores are beyond all measure may rank what lies beyond the text first.
        if span.last >= len(tokens):
            continue
        start, end = tokens.starts[span.first], tokens.ends[span.last]
        places.setdefault(text[start:end], (start, end, span.probability))
    if not places:
        raise BundleError("the model's scores place no answer inside the text; train it again")
    candidates = [(piece, probability) for piece, (_, _, probability) in places.items()][:CANDIDATES]
    best, probability = candidates[0]
    start, end, _ = places[best]
    first, last = sentence_around(text, start, end)
    return Answer(best, probability, start, end, text[first:last], tuple(candidates))
