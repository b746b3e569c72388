"""NextTokenHead: from the states over a text to the scores of the token after it."""

from typing import Any, Protocol

from jaxtyping import Float
from torch import Tensor

from ...data.vocabulary import SPECIAL
from ..label_head import LabelHead


class NextTokenParts(Protocol):
    """The readout of a language model."""

    def logits(self, states: Float[Tensor, "... states"]) -> Float[Tensor, "... tokens"]:
        """The logits of each token."""


class NextTokenHead(LabelHead):
    """The readout of the state after a text's last token; the two special tokens are no answers."""

    task: NextTokenParts

    def __init__(self, task: Any, item: Any, output: Float[Tensor, "time 1 output"]) -> None:
        super().__init__(task, item, output)
        self.labels = task.choices[len(SPECIAL) :]

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each token from these outputs."""
        return self.task.logits(output[-1])[:, len(SPECIAL) :]

    def attention(self, output: Float[Tensor, "time rows output"]) -> None:
        """None: it reads the last state only."""
