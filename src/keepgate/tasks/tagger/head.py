"""TaggerHead: from the encoder's states over a text to the tag of one of its tokens."""

from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...data.tagged import TaggedText
from ..label_head import LabelHead, in_dtype
from .crf import LinearChainCRF


class TaggerParts(Protocol):
    """The modules of a tagger that its head computes with."""

    readout: nn.Linear
    crf: LinearChainCRF


class TaggerHead(LabelHead):
    """Readout and CRF: the probability of each tag of the token number `focus`, whatever tags the others have."""

    task: TaggerParts

    def __init__(
        self, task: TaggerParts, item: TaggedText, output: Float[Tensor, "time 1 output"], focus: int
    ) -> None:
        super().__init__(task, item, output)
        self.focus = focus

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The log probability of each tag, in nats."""
        emissions = in_dtype(self.task.readout, output.dtype)(output)
        lengths = torch.full((output.shape[1],), output.shape[0])
        return in_dtype(self.task.crf, output.dtype).log_marginals(emissions, lengths)[self.focus]

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The log odds of a tag against all others, for each row, in float64."""
        scores, number = self.scores(output.double()), self.number(answer)
        own = torch.arange(scores.shape[1], device=scores.device) == number
        return scores[:, number] - scores.masked_fill(own, -torch.inf).logsumexp(1)

    def attention(self, output: Float[Tensor, "time rows output"]) -> None:  # noqa: ARG002
        """None: a tag is read from the state at its token."""
        return
