"""A reader's answer, taken apart: which tokens' writes carry it, and what it would be without them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.questions import Question
from ...data.text import tokenize
from ...errors import ShapeError
from ...tasks.answer import Answer
from ...tasks.choice.reader import ChoiceReader
from ..capture.layer_run import LayerRun, capture_layer
from ..compact_repr import compact_repr
from ..gradients.first_order import write_influence
from ..interventions.combined import counterfactual
from ..interventions.patching import AT_ONCE, Site, ablate_writes
from ..interventions.rerun import Rerun
from ..interventions.token_ablation import ablate_tokens
from ..memory.direct_shares import Attribution, attribute_last
from .reading import Reading

# The last layer, the only one of most readers.
LAST = (-1,)


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerShares:
    """What each token's write, in the reader's last layer, adds to the score of each choice; both directions together.

    Exact: the shares, what the question adds and the bias sum to the scores. With attention, the attention's weights
    are taken as they are: what a token does to them, and to later gates, is not in its share.

    tokens:    what was read, in order: the text's, and the question's after them if it is read with the text.
    writes:    one row a token, signed, in the units of a score before the softmax.
    asked:     with attention, the question's own tokens and what their writes add by way of its state.
    bias:      what no token adds. scores: the model's own.
    """

    choices: tuple[str, ...]
    tokens: tuple[str, ...]
    writes: Float[Tensor, "tokens choices"]
    asked_tokens: tuple[str, ...]
    asked: Float[Tensor, "asked choices"]
    bias: Float[Tensor, " choices"]
    scores: Float[Tensor, " choices"]

    __repr__ = compact_repr

    @property
    def missing(self) -> Float[Tensor, " choices"]:
        """What of each score the shares do not account for: 0 to rounding."""
        return self.scores - self.writes.sum(0) - self.asked.sum(0) - self.bias

    def of(self, choice: str) -> Float[Tensor, " tokens"]:
        """What each token's write says for this choice against the others: its share less the mean of theirs.

        What all scores have in common makes no answer. Raises KeyError for a choice that there is not.
        """
        if choice not in self.choices:
            raise KeyError(f"{choice!r} is no choice; there are {', '.join(self.choices)}")
        return self.writes[:, self.choices.index(choice)] - self.writes.mean(1)


@torch.no_grad()
def answer_attribution(task: ChoiceReader, question: Question) -> AnswerShares:
    """Which tokens' writes carry the answer to one question, for every choice.

    Raises CellError for a network without memory or without gates, CorpusError for a question without text.
    """
    names: tuple[str, ...] = ()
    probe = task.probe(question)
    head: Any = probe.head
    trace = capture_layer(probe.layer, probe.x).trace
    size, weight = task.encoder.output_size, task.readout.weight.detach()
    if task.attention is None:
        shares = attribute_last(trace, weight)
        asked = shares.writes.new_zeros(0, len(task.choices))
    else:
        read, by_question, last = weight.split_with_sizes([size] * 3, 1)
        shares = attribute_last(trace, read, attention=head.attention(trace.output))
        shares = shares + attribute_last(trace, last)
        asked = _one(attribute_last(capture_layer(probe.layer, head.question_x).trace, by_question))
        names = tokenize(question.question).texts
    return AnswerShares(
        choices=task.choices, tokens=probe.tokens.texts, writes=_one(shares), asked_tokens=names, asked=asked,
        bias=task.readout.bias.detach(), scores=head.scores(trace.output)[0],
    )  # fmt: skip


@torch.no_grad()
def leave_one_out_scores(
    task: ChoiceReader, question: Question, steps: Sequence[int]
) -> Float[Tensor, "candidates choices"]:
    """The scores, had the last layer not written at a token, in either direction: the proof of a token's share.

    steps: of the tokens that `answer_shares` lists, one candidate each. The true network is run again.
    Raises ShapeError for a token that there is not, CellError as `answer_shares` does.
    """
    probe = task.probe(question)
    head: Any = probe.head
    return torch.cat([head.scores(output) for output in _without(capture_layer(probe.layer, probe.x), steps)])


@torch.no_grad()
def leave_one_out_answers(
    reading: Reading, steps: Sequence[int], *, layers: Collection[int] | None = LAST
) -> list[Answer]:
    """The answers, had the last layer not written at a token, in either direction; one a token. The proof of a share.

    layers: which of the layers did not write, counted from 0 or from -1 back; None is all of them.
    Raises ShapeError for a token or layer that there is not, CellError for a plain RNN, which writes nothing apart.
    """
    outputs = outputs_without(reading, steps, layers=layers)
    return [answer for output in outputs for answer in reading.head.answers(output)]


@torch.no_grad()
def outputs_without(
    reading: Reading, steps: Sequence[int], *, layers: Collection[int] | None = LAST
) -> Iterator[Float[Tensor, "time candidates output"]]:
    """What the layer would have given without one write each, as many at a time as memory asks for.

    Raises as `leave_one_out_answers` does.
    """
    yield from _without(reading.seen, steps, layers)


@torch.no_grad()
def counterfactual_answer(reading: Reading, *, drop: Sequence[int] = (), keep: Sequence[int] = ()) -> Answer:
    """The answer, had the last layer not written at some tokens and erased nothing at others, all at once.

    drop: numbers of tokens whose writes are left out. keep: of tokens at which all gates that keep stand open.
    In both directions, where there are two. Raises as `leave_one_out_answers` does.
    """
    output = _both(reading.seen, lambda where: counterfactual(reading.seen, drop, keep, where))
    return reading.head.answers(output)[0]


def answer_influence(reading: Reading, answer: str | None = None) -> Float[Tensor, " tokens"]:
    """What each token's write does for an answer against the others, along every path, to first order.

    The last layer's, both directions together, through attention too: its weights move with the token. None is the
    answer that was given. Raises KeyError for an answer that the reader cannot give, CellError for a plain RNN.
    """
    seen = reading.seen
    last = write_influence(seen, lambda output: reading.head.margin(output, answer))[-seen.layer.directions :]
    return torch.stack(last).sum(0)[:, 0]


def _without(seen: LayerRun, steps: Sequence[int], layers: Collection[int] | None = LAST) -> Iterator[Tensor]:
    """The outputs of candidates without one write each, as many at a time as memory asks for."""
    tokens = len(seen.x)
    if any(not 0 <= step < tokens for step in steps):
        raise ShapeError(f"steps are {list(steps)}, but the tokens are numbered 0 to {tokens - 1}")
    size = max(1, AT_ONCE // seen.trace.output.numel())
    for start in range(0, len(steps), size):
        part = steps[start : start + size]
        if layers is not None and set(layers) == set(LAST):
            # What lies below is as it was, and so is the last layer up to the step.
            yield _both(seen, lambda where, part=part: ablate_writes(seen, part, where))
        else:
            yield ablate_tokens(seen, torch.tensor(part), layers)


def _both(seen: LayerRun, change: Callable[[Site], Rerun]) -> Tensor:
    """The output with a change in both directions; the last layer's do not know each other, so each half is its own."""
    output = change(Site()).output
    if not seen.layer.bidirectional:
        return output
    units = output.shape[2] // 2
    return torch.cat([output[..., :units], change(Site(reverse=True)).output[..., units:]], -1)


def _one(shares: Attribution) -> Tensor:
    return shares.writes[:, 0]
