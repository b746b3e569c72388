"""A reader that chooses, between the layer that read the text and its choice."""

import copy
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.questions import Question
from ...data.text import Tokens, tokenize
from ...errors import CellError
from ...nn import Recurrent
from ...tasks.answer import Answer
from ...tasks.choice.reader import ChoiceBatch, ChoiceReader, answer_of, joined
from ..capture.layer_run import LayerRun, capture_layer


class ChoiceHead:
    """One question as the encoder read it, and the way from the encoder's output to the scores.

    seen: the run over the text, and over the question after it if both are read as one. asked: the question's own run,
    with attention.
    """

    def __init__(self, task: ChoiceReader, question: Question) -> None:
        layer = task.encoder.layer
        if not isinstance(layer, Recurrent):
            raise CellError(
                "a feedforward reader has no memory in which an answer could be; use an LSTM or a GRU"
            )
        self.task, self.question = task, question
        self.batch: ChoiceBatch = task.collate(task.prepare([question], training=False)).to(
            task.readout.weight.device
        )
        self.seen = self._see(layer, self.batch.text)
        self.asked = None if self.batch.question is None else self._see(layer, self.batch.question)
        self.tokens: Tokens = tokenize(question.text)
        if task.attention is None:
            self.tokens = joined(self.tokens, tokenize(question.question), len(question.text))
        assert len(self.tokens) == len(self.seen.x)

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The choice of each row, and the others after it."""
        shares = self.scores(output).softmax(1)
        best = shares.topk(min(len(self.task.choices), 5), 1)
        # Where a choice stands in the text is looked up once: hundreds of rows mostly choose alike.
        known: dict[int, Answer] = {}
        found = []
        for each, ks in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            candidates = tuple(zip((self.task.choices[k] for k in ks), each, strict=True))
            if ks[0] not in known:
                known[ks[0]] = answer_of(self.question, candidates)
            found.append(replace(known[ks[0]], probability=each[0], candidates=candidates))
        return found

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The probability of one choice, for each row."""
        return self.scores(output).softmax(1)[:, self.number(answer)]

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """The score of a choice less the mean of all: what they have in common makes no answer."""
        return self.margins(output, answer)[0]

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """`margin` of each row."""
        exact = copy.deepcopy(self.task).double().eval().requires_grad_(False)
        scores = self.scores(output, exact)
        return scores[:, self.number(answer)] - scores.mean(1)

    def number(self, choice: str | None) -> int:
        """A choice's number; None is the one that was made. Raises KeyError for one that there is not."""
        choices = self.task.choices
        if choice is None:
            return int(self.scores(self.seen.trace.output)[0].argmax())
        if choice not in choices:
            raise KeyError(f"{choice!r} is no choice; there are {', '.join(choices)}")
        return choices.index(choice)

    def weights(self) -> Float[Tensor, "time 1"]:
        """The attention over the text's tokens."""
        return self._attend(self.seen.trace.output, self.task)[2]

    def scores(self, output: Tensor, task: ChoiceReader | None = None) -> Float[Tensor, "rows choices"]:
        """The score of each choice, from the text's outputs, one row each; with another's weights, if one is given."""
        task = task or self.task
        last = self._last(output)
        if task.attention is None:
            return task.readout(last)
        read, asked, _ = self._attend(output, task)
        return task.readout(torch.cat([read, asked, last], 1))

    def _see(self, layer: Recurrent, ids: Tensor) -> LayerRun:
        # Without the dropout that the encoder would put on it in training.
        return capture_layer(layer, self.task.encoder.inputs(ids))

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
