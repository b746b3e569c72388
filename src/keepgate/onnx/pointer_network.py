"""A pointer reader as a function of plain tensors: text and question, as it sees them, to the scores of its answers."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ..data.questions import Question
from ..tasks import PointerReader
from ..tasks.pointer.network import Inputs


@dataclass(frozen=True)
class Side:
    """A padded batch of texts, or of questions, as a pointer reader sees them."""

    words: Int64[Tensor, "time batch"]
    features: Float[Tensor, "time batch features"]
    lengths: Int64[Tensor, " batch"]


class PointerFunction(nn.Module):
    """A pointer reader as a function of texts and questions to the scores of spans and of no answer."""

    def __init__(self, task: PointerReader) -> None:
        super().__init__()
        self.task = task

    def forward(self, text: Side, question: Side) -> dict[str, Tensor]:
        """span [batch, time, longest], by first token and by tokens beyond it, and none [batch]."""
        network, steps = self.task.network, text.words.shape[0]
        sides = [network.embed(Inputs(s.words, s.features, s.lengths, s.lengths)) for s in (text, question)]
        embeddings = torch.cat(sides)
        # Each row's question is moved to the end of its text.
        place = torch.arange(embeddings.shape[0])[:, None]
        beyond = place - text.lengths
        source = torch.where(beyond < 0, place, (steps + beyond).clamp(max=embeddings.shape[0] - 1))
        x = embeddings.gather(0, source[..., None].expand_as(embeddings))
        lengths = text.lengths + question.lengths
        span, none = network.score(network.layer(x, lengths=lengths)[0], text.lengths, lengths, steps)
        return {"span": span, "none": none}

    def example(self) -> tuple[Side, Side]:
        """Two made-up texts with their questions, of different sizes."""
        words = "abcdefghijklmnopqrstuvwxyz"
        items = [
            Question(text=" ".join(words[:11]), question=" ".join(words[6:11])),
            Question(text=" ".join(words[11:18]), question=" ".join(words[15:18])),
        ]
        return self.sides(items)

    def sides(self, items: list[Question]) -> tuple[Side, Side]:
        """Texts and questions as what the network reads."""
        inputs = self.task.collate(self.task.prepare(items, training=False)).inputs
        begins = torch.zeros_like(inputs.lengths), inputs.text_lengths
        ends = inputs.text_lengths, inputs.lengths
        sides = []
        for first, last in zip(begins, ends, strict=True):
            words, features = (
                pad_sequence([tensor[a:b, row] for row, (a, b) in enumerate(zip(first, last, strict=True))])
                for tensor in (inputs.words, inputs.features)
            )
            sides.append(Side(words, features, last - first))
        return sides[0], sides[1]
