"""ClassifierHead: from the encoder's states over a text to the scores of the labels."""

from collections.abc import Sequence
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...errors import CellError
from ...nn.pooling import Pooling
from ..label_head import LabelHead, in_dtype
from ..probe import ReadoutTerm


class ClassifierParts(Protocol):
    """The modules of a classifier that its head computes with."""

    pooling: Pooling
    readout: nn.Linear


class ClassifierHead(LabelHead):
    """Pooling and the linear layer, over outputs that are all of the text's length."""

    task: ClassifierParts

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each label from these outputs."""
        pooled = in_dtype(self.task.pooling, output.dtype)(output, _lengths(output))
        logits: Tensor = in_dtype(self.task.readout, output.dtype)(pooled)
        return logits

    def attention(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "time rows"] | None:
        """The weight of each token's states; None for a pooling that does not attend."""
        if self.task.pooling.kind != "attention":
            return None
        return in_dtype(self.task.pooling, output.dtype).weights(output, _lengths(output))

    def readout_terms(
        self, output: Float[Tensor, "time rows output"]
    ) -> tuple[Sequence[ReadoutTerm], Tensor]:
        """The pooled states. Raises CellError for a maximum, which is no sum of the states."""
        kind = self.task.pooling.kind
        if "max" in kind:
            raise CellError(
                f'the pooling is "{kind}", whose maximum is no sum of the states; explain() takes it apart'
            )
        attention = (
            torch.full_like(output[..., 0], 1 / len(output)) if kind == "mean" else self.attention(output)
        )
        readout = self.task.readout
        return (ReadoutTerm(weight=readout.weight.detach(), attention=attention),), readout.bias.detach()


def _lengths(output: Tensor) -> Tensor:
    return torch.full((output.shape[1],), output.shape[0])
