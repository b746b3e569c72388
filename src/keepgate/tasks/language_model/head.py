"""NextTokenHead: from the states over a text to the scores of the token after it."""

from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from ..label_head import LabelHead


class NextTokenParts(Protocol):
    """The readout of a language model."""

    def logits(self, states: Float[Tensor, "... states"]) -> Float[Tensor, "... tokens"]:
        """The logits of each token."""


class NextTokenHead(LabelHead):
    """The readout of the state after a text's last token."""

    task: NextTokenParts

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each token from these outputs."""
        return self.task.logits(output[-1])

    def attention(self, output: Float[Tensor, "time rows output"]) -> None:
        """None: it reads the last state only."""
