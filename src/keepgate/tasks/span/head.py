"""SpanHead: from the first encoder's states over a text to the scores of its spans."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.questions import Question
from ...data.text import Tokens
from ..answer import Answer
from .batch import SpanBatch, SpanExample
from .network import Inputs, SpanNetwork
from .settings import SpanReaderSettings


class SpanParts(Protocol):
    """The network of a reader, and the way from a question to its batch and from scores to answers."""

    network: SpanNetwork
    settings: SpanReaderSettings

    def collate(self, examples: Sequence[SpanExample]) -> SpanBatch:
        """The examples as one padded batch."""

    def decode(self, text: str, tokens: Tokens, scores: Float[Tensor, "rows time longest"]) -> list[Answer]:
        """The best span of a text by each row of scores."""


class SpanHead:
    """All that follows the first encoder of the text: comparison with the question, second encoder, span scores.

    example, tokens: of the question's text, or of a window of it.
    """

    def __init__(self, task: SpanParts, question: Question, example: SpanExample, tokens: Tokens) -> None:
        self.task, self.question, self.tokens = task, question, tokens
        device = task.network.word.weight.device
        self.batch = task.collate([example]).to(device)
        # A copy, for the mode of the reader's own modules is not ours to change.
        self._network = copy.deepcopy(task.network).eval().requires_grad_(False)
        _, self.x = self._network.encode_inputs(self.batch.text, self.batch.question)
        self.output = self._network.text_encoder(self.x)[0]

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The best span of each row, and the others after it."""
        scores = self._scores(self._network, output)
        return self.task.decode(self.question.text, self.tokens, scores)

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The probability of an answer at its first place in the text, among all spans, for each row."""
        first, last = self._place(answer)
        return (
            self._scores(self._network, output)
            .div(self.task.settings.temperature)
            .flatten(1)
            .softmax(1)
            .view(output.shape[1], -1, self.task.settings.max_answer_span)[:, first, last - first]
        )

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """The log odds of an answer at its first place in the text, against all other spans."""
        return self.margins(output, answer)[0]

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """`margin` of each row."""
        first, last = self._place(answer)
        scores = self._scores(copy.deepcopy(self._network).double(), output).flatten(1)
        scores = scores / self.task.settings.temperature
        span = first * self.task.settings.max_answer_span + last - first
        own = torch.arange(scores.shape[1], device=scores.device) == span
        return scores[:, span] - scores.masked_fill(own, -torch.inf).logsumexp(1)

    def attention(self, output: Float[Tensor, "time rows output"]) -> None:  # noqa: ARG002
        """None: a span is scored from every state, not from a weighted mean of them."""
        return

    def _place(self, answer: str | None) -> tuple[int, int]:
        """The first and last token of an answer. Raises KeyError for one whose words the text does not have."""
        text = self.question.text
        if answer is None:
            predicted = self.answers(self.output)[0]
            assert predicted.start is not None
            start, end = predicted.start, predicted.start + len(predicted.text)
        else:
            start = text.find(answer, self.tokens.starts[0])
            end = start + len(answer)
        inside = (
            [k for k, begin in enumerate(self.tokens.starts) if start <= begin < end] if start >= 0 else []
        )
        if not inside or inside[-1] - inside[0] >= self.task.settings.max_answer_span:
            raise KeyError(f"{answer!r} is no answer that this reader can point at in the text")
        return inside[0], inside[-1]

    def _scores(self, network: SpanNetwork, output: Tensor) -> Float[Tensor, "rows time longest"]:
        rows = output.shape[1]
        text, question = (
            _repeated(side, rows, output.dtype) for side in (self.batch.text, self.batch.question)
        )
        question_x, _ = network.encode_inputs(text, question)
        question_states, _ = network.question_encoder(question_x, lengths=question.lengths)
        scores = network.score_spans(output, question_states, text, question)
        return scores.span[..., : self.task.settings.max_answer_span]


def _repeated(inputs: Inputs, rows: int, dtype: torch.dtype) -> Inputs:
    letters = inputs.letters
    return replace(
        inputs,
        words=inputs.words.expand(-1, rows),
        pairs=inputs.pairs.expand(-1, rows),
        features=inputs.features.expand(-1, rows, -1).to(dtype),
        lengths=inputs.lengths.expand(rows),
        letters=None if letters is None else replace(letters, token=letters.token.expand(-1, rows)),
    )
