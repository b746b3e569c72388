"""Hierarchical search for the spans that carry an answer: spans are left out whole, from long ones to short ones.

One token left out may change nothing where two say the same; a sentence left out whole shows what hangs on it. In a
long text the search goes down: stretches of it, the sentences of those that matter, the tokens of these. First-order
influence alone is no guide there, since the effect of a write over thousands of tokens is far from linear; but where a
network answers the same without a whole stretch, the few tokens of most influence are what the search misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...data.text import sentence_starts
from ...tasks.answer import Answer
from ..compact_repr import compact_repr
from .leave_one_out import (
    MAX_ABLATIONS,
    TokenEffect,
    largest_first,
    most_influential,
    probability_drops,
    token_effects,
)
from .reading import Reading

# A longer text is searched by so many stretches first, and by the sentences of so many of them.
STRETCHES, FOLLOWED = 64, 4
# Of a longer text, so many tokens of the sentences that matter are left out, and so many for their influence alone.
IN_LONG, BY_INFLUENCE = 64, 16


@dataclass(frozen=True, kw_only=True)
class SpanEffect:
    """Effect of leaving out the tokens `start` to `end` (not included): the answer without them.

    probability_drop: the share by which the answer's probability falls; below 0 if it is likelier without the span.
    change: of an answer that is a number, by how much it would be another; None for others.
    """

    start: int
    end: int
    probability_drop: float
    without: Answer
    change: float | None = None

    __repr__ = compact_repr


def span_effects(
    reading: Reading, spans: Sequence[tuple[int, int]], *, writes: bool = False
) -> tuple[SpanEffect, ...]:
    """Effects of leaving out spans of tokens, in the order given.

    Deleted from the text where the task can read the remaining text; else passed by in all layers and directions.
    writes: see `token_effects`. Raises as `remove_spans` does.
    """
    return tuple(
        SpanEffect(start=start, end=end, probability_drop=drop, without=answer)
        for (start, end), (drop, answer) in zip(
            spans, probability_drops(reading, spans, writes=writes), strict=True
        )
    )


def sentence_spans(reading: Reading) -> list[tuple[int, int]]:
    """Token spans of each sentence of the text, and of the question if it was read after the text."""
    text_end = len(reading.question.text)
    starts = sentence_starts(reading.question.text)
    if reading.question_start < len(reading.tokens):
        starts += [text_end + start for start in sentence_starts(reading.question.question)]
    places = torch.searchsorted(torch.tensor(reading.tokens.starts), torch.tensor(starts)).tolist()
    spans = zip(places, [*places[1:], len(reading.tokens)], strict=True)
    return [(start, end) for start, end in spans if start < end]


def hierarchical_search(
    reading: Reading, *, max_ablations: int = MAX_ABLATIONS, writes: bool = False
) -> tuple[tuple[SpanEffect, ...], tuple[TokenEffect, ...]]:
    """Effects of the sentences and of the tokens that carry an answer, largest drop first.

    Of a text with up to `max_ablations` tokens, every sentence and every token is left out; of a longer one those to
    which the search leads, and the tokens of most influence. writes: see `token_effects`.
    """
    sentences, tokens = sentence_spans(reading), len(reading.tokens)
    if tokens <= max_ablations:
        return largest_first(span_effects(reading, sentences, writes=writes)), token_effects(
            reading, range(tokens), writes=writes
        )
    stretches = largest_first(span_effects(reading, _stretches(sentences, tokens), writes=writes))[:FOLLOWED]
    followed = [
        (start, end)
        for start, end in sentences
        if any(stretch.start <= start and end <= stretch.end for stretch in stretches)
    ]
    effects: tuple[SpanEffect, ...] = largest_first(span_effects(reading, followed, writes=writes))
    steps = set(most_influential(reading, BY_INFLUENCE))
    in_sentences = 0
    for sentence in effects:
        in_sentences += sentence.end - sentence.start
        if in_sentences > IN_LONG:
            break
        steps |= set(range(sentence.start, sentence.end))
    return effects, token_effects(reading, sorted(steps), writes=writes)


def _stretches(sentences: Sequence[tuple[int, int]], tokens: int) -> list[tuple[int, int]]:
    """Spans of neighbouring sentences, about `STRETCHES` of them."""
    shortest, stretches = tokens / STRETCHES, []
    start = sentences[0][0]
    for _, end in sentences:
        if end - start >= shortest or end == tokens:
            stretches.append((start, end))
            start = end
    return stretches
