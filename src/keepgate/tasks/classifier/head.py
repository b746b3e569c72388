"""A classifier, between the layer that read the text and the label."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from ..label_head import LabelHead, in_dtype

if TYPE_CHECKING:
    from .classifier import Classifier


class ClassifierHead(LabelHead):
    """Pooling and the linear layer, over outputs that are all of the text's length."""

    def __init__(self, task: "Classifier", output: Float[Tensor, "time 1 output"]) -> None:
        super().__init__(task.choices, output)
        self._task = task

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each label from these outputs."""
        pooling, readout = (in_dtype(part, output.dtype) for part in (self._task.pooling, self._task.readout))
        logits: Tensor = readout(pooling(output, _lengths(output)))
        return logits

    def attention(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "time rows"] | None:
        """The weight of each token's states; None for a pooling that does not attend."""
        if self._task.pooling.kind != "attention":
            return None
        return in_dtype(self._task.pooling, output.dtype).weights(output, _lengths(output))


def _lengths(output: Tensor) -> Tensor:
    return torch.full((output.shape[1],), output.shape[0])
