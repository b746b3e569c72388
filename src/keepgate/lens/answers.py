"""A reader's answer, taken apart: which tokens' writes carry each choice, and what it says without one of them."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.questions import Question
from ..data.text import tokenize
from ..errors import CellError, ShapeError
from ..nn import Recurrent
from ..tasks.reader import ChoiceBatch, ChoiceReader
from .attribution import Shares, attribute_last
from .influence import influence
from .intervene import Where, drop_writes
from .seen import Seen, see


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
def answer_shares(task: ChoiceReader, question: Question) -> AnswerShares:
    """Which tokens' writes carry the answer to one question, for every choice.

    Raises CellError for a network without memory or without gates, CorpusError for a question without text.
    """
    names: tuple[str, ...] = ()
    reading = _Reading(task, question)
    size, weight = task.encoder.output_size, task.readout.weight.detach()
    if task.attention is None:
        shares = attribute_last(reading.text.trace, weight)
        asked = shares.writes.new_zeros(0, len(task.choices))
    else:
        read, by_question, last = weight.split_with_sizes([size] * 3, 1)
        shares = attribute_last(reading.text.trace, read, attention=reading.weights())
        shares = shares + attribute_last(reading.text.trace, last)
        assert reading.asked is not None
        asked = _one(attribute_last(reading.asked.trace, by_question))
        names = tokenize(question.question).texts
    return AnswerShares(
        choices=task.choices, tokens=reading.tokens, writes=_one(shares), asked_tokens=names, asked=asked,
        bias=task.readout.bias.detach(), scores=reading.scores(reading.text.trace.output)[0],
    )  # fmt: skip


@torch.no_grad()
def scores_without(
    task: ChoiceReader, question: Question, steps: Sequence[int]
) -> Float[Tensor, "candidates choices"]:
    """The scores, had the last layer not written at a token, in either direction: the proof of a token's share.

    steps: of the tokens that `answer_shares` lists, one candidate each. The true network is run again.
    Raises ShapeError for a token that there is not, CellError as `answer_shares` does.
    """
    reading = _Reading(task, question)
    if any(not 0 <= step < len(reading.tokens) for step in steps):
        raise ShapeError(
            f"steps are {list(steps)}, but the tokens are numbered 0 to {len(reading.tokens) - 1}"
        )
    output = drop_writes(reading.text, steps).output
    if task.encoder.bidirectional:
        # The last layer's directions do not know each other: each one's half is changed by itself.
        units = output.shape[2] // 2
        backwards = drop_writes(reading.text, steps, Where(reverse=True)).output
        output = torch.cat([output[..., :units], backwards[..., units:]], -1)
    return reading.scores(output)


def influence_on_answer(task: ChoiceReader, question: Question, choice: str) -> Float[Tensor, " tokens"]:
    """What each token's write does for a choice against the others, along every path, to first order.

    The last layer's, both directions together, through attention too: its weights move with the token.
    Raises KeyError for a choice that there is not, CellError as `answer_shares` does.
    """
    if choice not in task.choices:
        raise KeyError(f"{choice!r} is no choice; there are {', '.join(task.choices)}")
    reading, k = _Reading(task, question), task.choices.index(choice)
    exact = copy.deepcopy(task).double().eval().requires_grad_(False)

    def margin(output: Tensor) -> Tensor:
        scores = reading.scores(output, exact)[0]
        return scores[k] - scores.mean()

    last = influence(reading.text, margin)[-reading.text.layer.directions :]
    return torch.stack(last).sum(0)[:, 0]


class _Reading:
    """One question as the encoder read it, and the way from the encoder's output to the scores."""

    def __init__(self, task: ChoiceReader, question: Question) -> None:
        layer = task.encoder.layer
        if not isinstance(layer, Recurrent):
            raise CellError(
                "a feedforward reader has no memory in which an answer could be; use an LSTM or a GRU"
            )
        self.task = task
        self.batch: ChoiceBatch = task.collate(task.prepare([question], training=False)).to(
            task.readout.weight.device
        )
        self.text = self._see(layer, self.batch.text)
        self.asked = None if self.batch.question is None else self._see(layer, self.batch.question)
        self.tokens = tokenize(question.text).texts
        if task.attention is None:
            self.tokens += tokenize(question.question).texts
        assert len(self.tokens) == len(self.text.x)

    def _see(self, layer: Recurrent, ids: Tensor) -> Seen:
        # Without the dropout that the encoder would put on it in training.
        return see(layer, self.task.encoder.embedding(ids))

    def weights(self) -> Tensor:
        """The attention over the text's tokens, [time, 1]."""
        return self._attend(self.text.trace.output, self.task)[2]

    def scores(self, output: Tensor, task: ChoiceReader | None = None) -> Tensor:
        """The score of each choice, from the text's outputs, one row each; with another's weights, if one is given."""
        task = task or self.task
        last = self._last(output)
        if task.attention is None:
            return task.readout(last)
        read, asked, _ = self._attend(output, task)
        return task.readout(torch.cat([read, asked, last], 1))

    def _attend(self, output: Tensor, task: ChoiceReader) -> tuple[Tensor, Tensor, Tensor]:
        """What is read, the question's last state, and the weights, for each row."""
        assert task.attention is not None
        assert self.asked is not None
        asked = self._last(self.asked.trace.output).to(output.dtype).expand(output.shape[1], -1)
        real = torch.ones(output.shape[:2], dtype=torch.bool, device=output.device)
        read, weights = task.attention(asked, output, real)
        return read, asked, weights

    def _last(self, output: Tensor) -> Tensor:
        """What each direction knows at its end, as the encoder gives it."""
        if not self.task.encoder.bidirectional:
            return output[-1]
        units = output.shape[2] // 2
        return torch.cat([output[-1, :, :units], output[0, :, units:]], 1)


def _one(shares: Shares) -> Tensor:
    return shares.writes[:, 0]
