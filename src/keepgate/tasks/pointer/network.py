"""PointerNetwork: a bidirectional recurrent layer over text and question, then the scores of spans and of no answer."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn
from torch.nn.functional import pad as padded

from ...cells.choices import cell_of
from ...nn import Recurrent
from ...nn.dropout import LockedDropout
from ...nn.length_mask import length_mask
from ..batched import TensorBatch
from ..span.settings import NEVER
from .features import FEATURES
from .settings import PointerReaderSettings


@dataclass(frozen=True)
class Inputs(TensorBatch):
    """A padded batch, time first: each row a text and its question after it, with the tokens of both counted."""

    words: Int64[Tensor, "time batch"]
    features: Float[Tensor, "time batch features"]
    text_lengths: Int64[Tensor, " batch"]
    lengths: Int64[Tensor, " batch"]


class PointerNetwork(nn.Module):
    """Text and question → scores of spans of the text, and of no answer."""

    def __init__(self, settings: PointerReaderSettings, words: int) -> None:
        super().__init__()
        self.longest = settings.max_answer_span
        self.word = nn.Embedding(words, settings.embedding_size, padding_idx=0)
        nn.init.normal_(self.word.weight, std=0.3)
        self.drop = LockedDropout(settings.dropout)
        cell = cell_of(settings.cell)
        assert cell is not None
        self.layer = Recurrent(
            cell, settings.embedding_size + FEATURES, settings.hidden_size, settings.num_layers,
            bidirectional=True, init=settings.init, horizon=settings.horizon, forget_bias=settings.forget_bias,
        )  # fmt: skip
        both = 2 * settings.hidden_size
        self.pointer = nn.Linear(2 * both, settings.pointer_size)
        self.ends = nn.Linear(settings.pointer_size, 2)
        self.none = nn.Linear(both + settings.pointer_size, 1)

    def forward(self, inputs: Inputs) -> tuple[Float[Tensor, "batch time longest"], Float[Tensor, " batch"]]:
        """The scores of the spans, by start and tokens beyond it, and of no answer."""
        states, _ = self.layer(self.embed(inputs), lengths=inputs.lengths)
        return self.score(self.drop(states), inputs.text_lengths, inputs.lengths)

    def embed(self, inputs: Inputs) -> Float[Tensor, "time batch input"]:
        """What the layer reads."""
        return torch.cat([self.word(inputs.words), inputs.features.to(self.word.weight.dtype)], -1)

    def score(
        self,
        states: Float[Tensor, "time batch states"],
        text_lengths: Int[Tensor, " batch"],
        lengths: Int[Tensor, " batch"],
        steps: int | None = None,
    ) -> tuple[Float[Tensor, "batch time longest"], Float[Tensor, " batch"]]:
        """The scores from the layer's states. steps: the longest text's if None.

        What was asked: the last state forwards, and that backwards at the question's first token, which has read all
        of the question and nothing else.
        """
        rows, units = torch.arange(states.shape[1]), states.shape[2] // 2
        question = torch.cat([states[lengths - 1, rows, :units], states[text_lengths, rows, units:]], -1)
        text = states[: int(text_lengths.max()) if steps is None else steps]
        hidden = torch.tanh(self.pointer(torch.cat([text, question.expand(text.shape[0], -1, -1)], -1)))
        real = length_mask(text.shape[0], text_lengths, states.device).unsqueeze(2)
        start, end = self.ends(hidden).masked_fill(~real, NEVER).unbind(2)
        highest = hidden.masked_fill(~real, -1).amax(0)
        none: Tensor = self.none(torch.cat([question, highest], 1)).squeeze(1)
        onward = padded(end.T, (0, self.longest - 1), value=NEVER).unfold(1, self.longest, 1)
        return start.T.unsqueeze(2) + onward, none
