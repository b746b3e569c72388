"""PointerHead: from the layer's states over text and question to the answer."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.questions import Question
from ...data.text import Tokens
from ..answer import Answer
from .network import Inputs, PointerNetwork


class PointerHead:
    """Scores of the spans of one text and of no answer, which is the empty answer.

    reader: with `decided`, from scores to answers. output: what the layer gave for this question.
    """

    def __init__(
        self, reader: "object", network: PointerNetwork, question: Question, inputs: Inputs, tokens: Tokens
    ) -> None:
        self.reader, self.question, self.inputs, self.tokens = reader, question, inputs, tokens
        # A copy, for the mode of the reader's own modules is not ours to change.
        self._network = copy.deepcopy(network).eval().requires_grad_(False)
        self.x = self._network.embed(inputs)
        self.output = self._network.layer(self.x)[0]

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The answer of each row: the best span, or none."""
        answers: list[Answer] = self.reader.decided(  # type: ignore[attr-defined]
            [self.question.text] * output.shape[1], *self._scores(self._network, output)
        )
        return answers

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The probability of an answer at its first place in the text, or of none, for each row."""
        return self._logits(self._network, output).softmax(1)[:, self._number(answer)]

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """`margins` of a single row."""
        return self.margins(output, answer)[0]

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The log odds of an answer at its first place against all others, none included, for each row."""
        logits = self._logits(copy.deepcopy(self._network).double(), output.double())
        own = torch.arange(logits.shape[1], device=logits.device) == (number := self._number(answer))
        return logits[:, number] - logits.masked_fill(own, -torch.inf).logsumexp(1)

    def attention(self, output: Float[Tensor, "time rows output"]) -> None:  # noqa: ARG002
        """None: a span is scored from every state, not from a weighted mean of them."""
        return

    def _number(self, answer: str | None) -> int:
        """The answer's number among the logits. Raises KeyError for one whose words the text does not have."""
        longest = self._network.longest
        text = self.question.text
        if answer is None:
            predicted = self.answers(self.output)[0]
            answer, start = predicted.text, -1 if predicted.start is None else predicted.start
        else:
            start = text.find(answer)
        if answer == "":
            return int(self.inputs.text_lengths[0]) * longest
        end = start + len(answer)
        inside = (
            [k for k, begin in enumerate(self.tokens.starts) if start <= begin < end] if start >= 0 else []
        )
        if not inside or inside[-1] - inside[0] >= longest:
            raise KeyError(f"{answer!r} is no answer that this reader can point at in the text")
        return inside[0] * longest + inside[-1] - inside[0]

    def _logits(self, network: PointerNetwork, output: Tensor) -> Float[Tensor, "rows answers"]:
        spans, none = self._scores(network, output)
        return torch.cat([spans.flatten(1), none[:, None]], 1)

    def _scores(self, network: PointerNetwork, output: Tensor) -> tuple[Tensor, Tensor]:
        rows = output.shape[1]
        return network.score(output, self.inputs.text_lengths.expand(rows), self.inputs.lengths.expand(rows))
