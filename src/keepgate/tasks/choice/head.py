"""ChoiceHead: from the encoder's states over a text to the scores of the choices."""

from collections.abc import Sequence
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...data.questions import Question
from ...data.text import tokenize
from ...nn.attention import Attention
from ...nn.encoder import Encoder
from ...nn.pooling import last_states
from ..label_head import LabelHead, in_dtype
from ..probe import ReadoutTerm


class ChoiceParts(Protocol):
    """The modules of a reader that its head computes with."""

    encoder: Encoder
    attention: Attention | None
    readout: nn.Linear


class ChoiceHead(LabelHead):
    """Pooling and linear layer of one question, over the encoder's outputs.

    question_x: what the encoder is given for the question, if that is read apart, [asked, 1, input]; question_output:
    what it gives for it. Both are None for a reader that reads text and question as one.
    """

    task: ChoiceParts

    def __init__(
        self,
        task: ChoiceParts,
        question: Question,
        output: Float[Tensor, "time 1 output"],
        question_x: Float[Tensor, "asked 1 input"] | None,
    ) -> None:
        super().__init__(task, question, output)
        self.question_x = question_x
        self.question_output = None if question_x is None else task.encoder.layer(question_x)[0]

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each choice from the text's outputs, one row each."""
        pooled = self._last(output)
        if self.task.attention is not None:
            attended, query, _ = self._attend(output)
            pooled = torch.cat([attended, query, pooled], 1)
        logits: Tensor = in_dtype(self.task.readout, output.dtype)(pooled)
        return logits

    def attention(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "time rows"] | None:
        """The question's attention over the text's tokens; None for a reader of the last state."""
        return None if self.task.attention is None else self._attend(output)[2]

    def readout_terms(
        self, output: Float[Tensor, "time rows output"]
    ) -> tuple[Sequence[ReadoutTerm], Tensor]:
        """The last state; with attention the attended states and the question's last state before it."""
        weight, bias = self.task.readout.weight.detach(), self.task.readout.bias.detach()
        if self.task.attention is None:
            return (ReadoutTerm(weight=weight),), bias
        attended, query, last = weight.chunk(3, 1)
        question = ReadoutTerm(weight=query, x=self.question_x, tokens=tokenize(self.item.question))
        attention = ReadoutTerm(weight=attended, attention=self.attention(output))
        return (attention, ReadoutTerm(weight=last), question), bias

    def _attend(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The attended states, the query (the question's last state), and the weights, for each row."""
        assert self.task.attention is not None
        assert self.question_output is not None
        query = self._last(self.question_output).to(output.dtype).expand(output.shape[1], -1)
        real = torch.ones(output.shape[:2], dtype=torch.bool, device=output.device)
        attended, weights = in_dtype(self.task.attention, output.dtype)(query, output, real)
        return attended, query, weights

    def _last(self, output: Tensor) -> Tensor:
        lengths = torch.full((output.shape[1],), len(output), device=output.device)
        return last_states(output, lengths, bidirectional=self.task.encoder.bidirectional)
