"""Hierarchical (coarse-to-fine) search for what an answer depends on, by leaving out spans: occlusion of the text.

Leaving out one token may change nothing where two say the same; leaving out the whole sentence does. In a long text
the search narrows down: stretches of several sentences, the sentences of the stretches with the largest effect, the
tokens of those sentences. A series has no sentences: even stretches of it, then their steps. First-order influence
alone is no guide there, since the effect of a write over thousands of tokens is far from linear. But it finds tokens
that the search misses, in stretches without which the network answers the same; so the tokens of most influence are
tried too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
from .reading import Reading, of_reading

# In a text of more than `max_ablations` tokens: stretches left out first, and those whose sentences are tried next.
NUM_STRETCHES, STRETCHES_FOLLOWED = 64, 4
# Then the tokens left out: at most so many of the leading sentences (of a series, stretches), and so many of the
# largest first-order influence.
MAX_SENTENCE_TOKENS, MOST_INFLUENTIAL = 64, 16


@dataclass(frozen=True, kw_only=True)
class SpanEffect:
    """Effect of leaving out the tokens [start, end): the answer without them.

    probability_drop: relative fall of the answer's probability, 1 - p_without / p; below 0 if it is likelier without.
    change: of an answer that is a number, by how much it would be another; None for others.
    """

    start: int
    end: int
    probability_drop: float
    without: Answer
    change: float | None = None

    __repr__ = compact_repr


@of_reading
def span_effects(reading: Reading, spans: Sequence[tuple[int, int]]) -> tuple[SpanEffect, ...]:
    """Effects of leaving out spans of tokens, in the order given.

    Deleted from the text where the task can read the remaining text; else passed by in all layers and directions.
    Raises as `remove_spans` does.
    """
    return tuple(
        SpanEffect(start=start, end=end, probability_drop=drop, without=answer)
        for (start, end), (drop, answer) in zip(spans, probability_drops(reading, spans), strict=True)
    )


@of_reading
def sentence_spans(reading: Reading) -> list[tuple[int, int]]:
    """Token span [start, end) of each sentence of the text, and of the question's if it was read after the text.

    Empty for a series, which has none.
    """
    if reading.unit != "token":
        return []
    text_end = len(reading.question.text)
    starts = sentence_starts(reading.question.text)
    if reading.question_start < len(reading.tokens):
        starts += [text_end + start for start in sentence_starts(reading.question.question)]
    first_tokens = torch.searchsorted(torch.tensor(reading.tokens.starts), torch.tensor(starts)).tolist()
    spans = zip(first_tokens, [*first_tokens[1:], len(reading.tokens)], strict=True)
    return [(start, end) for start, end in spans if start < end]


@of_reading
def hierarchical_search(
    reading: Reading, *, max_ablations: int = MAX_ABLATIONS
) -> tuple[tuple[SpanEffect, ...], tuple[TokenEffect, ...]]:
    """Effects of leaving out sentences, and of leaving out tokens; largest probability drop first.

    In a text of up to `max_ablations` tokens, every sentence and every token; in a longer one those that the search
    reaches, and the tokens of the largest first-order influence.
    """
    sentences, tokens = sentence_spans(reading), len(reading.tokens)
    if tokens <= max_ablations:
        return largest_first(span_effects(reading, sentences)), token_effects(reading, range(tokens))
    stretches = largest_first(span_effects(reading, _stretches(sentences, tokens)))[:STRETCHES_FOLLOWED]
    followed = [
        (start, end)
        for start, end in sentences
        if any(stretch.start <= start and end <= stretch.end for stretch in stretches)
    ]
    effects: tuple[SpanEffect, ...] = largest_first(span_effects(reading, followed))
    steps = set(most_influential(reading, MOST_INFLUENTIAL))
    budget = MAX_SENTENCE_TOKENS
    for start, end in ((span.start, span.end) for span in effects or stretches):
        if end - start > budget:
            steps |= set(most_influential(reading, budget, (start, end)))
            break
        steps |= set(range(start, end))
        budget -= end - start
    return effects, token_effects(reading, sorted(steps))


def _stretches(sentences: Sequence[tuple[int, int]], tokens: int) -> list[tuple[int, int]]:
    """At most `NUM_STRETCHES` spans of neighbouring sentences, which cover the text; without sentences, even spans."""
    if not sentences:
        bounds = [tokens * k // NUM_STRETCHES for k in range(NUM_STRETCHES + 1)]
        return [(start, end) for start, end in pairwise(bounds) if start < end]
    shortest, stretches = tokens / NUM_STRETCHES, []
    start = sentences[0][0]
    for _, end in sentences:
        if end - start >= shortest or end == tokens:
            stretches.append((start, end))
            start = end
    return stretches
