"""Which piece of a text carries an answer: pieces left out whole, the true network run again, from large to small.

One write left out may change nothing where two say the same; a sentence left out whole says what hangs on it. In a
long text the search goes down: stretches of it, the sentences of those that matter, the tokens of these. First-order
influence alone is no guide there, since what a write does over thousands of tokens is no straight line; but where a
network answers the same without a whole stretch, the first few tokens by influence find what the search passes by.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.text import sentence_starts
from ...tasks.answer import Answer
from ..capture.layer_run import LayerRun
from ..compact_repr import compact_repr
from ..interventions.patching import AT_ONCE, Site
from ..interventions.span_ablation import ablate_spans
from .answer_ablation import answer_influence
from .leave_one_out import TRIED, TokenEffect, leave_one_out_effects
from .reading import Reading, outputs_of_shorter_texts

# A longer text is searched by so many stretches first, and by the sentences of so many of them.
STRETCHES, FOLLOWED = 64, 4
# Of a text with more than TRIED tokens, so many writes are left out one by one, where it matters.
IN_LONG = 64
# Tokens of a long text that are tried for their influence alone.
BY_INFLUENCE = 16


@dataclass(frozen=True, kw_only=True)
class SpanEffect:
    """Tokens `start` to `end` (not included), and what the answer would be, had none of them been written.

    probability_drop: the share by which the answer's probability falls; below 0 if it is likelier without the span.
    """

    start: int
    end: int
    probability_drop: float
    without: Answer

    __repr__ = compact_repr


@torch.no_grad()
def span_effects(reading: Reading, pieces: Sequence[tuple[int, int]]) -> tuple[SpanEffect, ...]:
    """Each piece with the answer that there would be without it, in the order given.

    Deleted from the text where the task can read what is left; else not written by the last layer, in either direction.

    Raises as `drop_pieces` does.
    """
    found: list[SpanEffect] = []
    given = float(reading.head.probabilities(reading.trace.output)[0])
    for taken, output in _outputs(reading, pieces):
        answers, likely = reading.head.answers(output), reading.head.probabilities(output).tolist()
        found += [
            SpanEffect(start=start, end=end, probability_drop=1 - left / given, without=answer)
            for (start, end), left, answer in zip(taken, likely, answers, strict=True)
        ]
    return tuple(found)


def sentence_spans(reading: Reading) -> list[tuple[int, int]]:
    """The tokens from … up to … of each sentence of the text, and of the question's if it was read after the text."""
    end = len(reading.question.text)
    begins = sentence_starts(reading.question.text)
    if reading.question_start < len(reading.tokens):
        begins += [end + start for start in sentence_starts(reading.question.question)]
    places = torch.searchsorted(torch.tensor(reading.tokens.starts), torch.tensor(begins)).tolist()
    return [
        (start, stop)
        for start, stop in zip(places, [*places[1:], len(reading.tokens)], strict=True)
        if start < stop
    ]


def hierarchical_search(
    reading: Reading, *, each: int = TRIED
) -> tuple[tuple[SpanEffect, ...], tuple[TokenEffect, ...]]:
    """The sentences and the tokens on which an answer hangs, those first without which its probability falls most.

    Of a text with up to `each` tokens, every sentence and every token is left out by itself; of a longer one those
    to which the search led, and the tokens of most influence.
    Raises CellError for a plain RNN, which writes nothing apart.
    """
    whole = sentence_spans(reading)
    if len(reading.tokens) <= each:
        return _falling(span_effects(reading, whole)), leave_one_out_effects(
            reading, range(len(reading.tokens))
        )
    stretches = _falling(span_effects(reading, _stretches(whole, len(reading.tokens))))[:FOLLOWED]
    inside = [
        piece for piece in whole if any(one.start <= piece[0] and piece[1] <= one.end for one in stretches)
    ]
    found = _falling(span_effects(reading, inside))
    steps: list[int] = []
    for one in found:
        if len(steps) + one.end - one.start > IN_LONG:
            break
        steps += range(one.start, one.end)
    guessed = answer_influence(reading).abs().topk(BY_INFLUENCE).indices.tolist()
    return found, leave_one_out_effects(reading, sorted({*steps, *guessed}))


def _stretches(whole: Sequence[tuple[int, int]], tokens: int) -> list[tuple[int, int]]:
    """Neighbouring sentences joined, until about `STRETCHES` of them are left."""
    least, found = tokens / STRETCHES, []
    start = whole[0][0]
    for _, end in whole:
        if end - start >= least or end == tokens:
            found.append((start, end))
            start = end
    return found


def _falling(pieces: Sequence[SpanEffect]) -> tuple[SpanEffect, ...]:
    return tuple(sorted(pieces, key=lambda one: -one.probability_drop))


def _outputs(
    reading: Reading, pieces: Sequence[tuple[int, int]]
) -> Iterator[tuple[Sequence[tuple[int, int]], Tensor]]:
    """Pieces, and the layer's output without each of them, as many at a time as memory asks for."""
    if reading.without is not None:
        yield from (([piece], next(outputs_of_shorter_texts(reading, [piece]))) for piece in pieces)
        return
    size = max(1, AT_ONCE // reading.trace.output.numel())
    for first in range(0, len(pieces), size):
        taken = pieces[first : first + size]
        yield taken, _output(reading.seen, taken)


def _output(seen: LayerRun, pieces: Sequence[tuple[int, int]]) -> Float[Tensor, "time candidates output"]:
    """Each direction of the last layer without what it wrote there; they do not know each other."""
    output = ablate_spans(seen, pieces).output
    if not seen.layer.bidirectional:
        return output
    units = output.shape[2] // 2
    return torch.cat(
        [output[..., :units], ablate_spans(seen, pieces, Site(reverse=True)).output[..., units:]], -1
    )
