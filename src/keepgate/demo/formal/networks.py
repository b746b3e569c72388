"""Networks that read formal languages: a recurrent layer of any cell, or a transformer of equal size."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...cells import by_name
from ...nn import Recurrent
from ...tasks.task import Carry
from .languages import Language, Strings

# Every network has as many weights as an LSTM of so many units, as nearly as widths in steps of HEADS allow.
LSTM_UNITS = 64
# Input weights begin so many times as large as Glorot's: a symbol drives units to where they are flat, others move the
# state, and so a step can do another thing for each symbol. Otherwise a plain RNN learns to count to five very slowly.
INPUT_SCALE = 4.0
TRANSFORMER = "transformer"
# The transformer's blocks and the heads of each.
BLOCKS, HEADS = 2, 4

# In training, noise of this size is added to the states after every so many steps. What is not held by an attractor
# drifts away. Jim, Giles & Horne (1996), doi:10.1109/72.548170.
NOISE, PIECE = 0.1, 8


class Transformer(nn.Module):
    """Blocks of Vaswani et al. (2017), arXiv:1706.03762, with its sines and cosines of the place; no dropout."""

    def __init__(self, input_size: int, width: int) -> None:
        super().__init__()
        self.output_size = width
        self.embedding = nn.Linear(input_size, width, bias=False)
        block = nn.TransformerEncoderLayer(width, HEADS, 4 * width, dropout=0.0)
        self.blocks = nn.TransformerEncoder(block, BLOCKS, enable_nested_tensor=False)

    def forward(self, x: Float[Tensor, "time batch input"]) -> Float[Tensor, "time batch states"]:
        """What stands at each step after the last block; each step sees those before it and itself."""
        angles = (
            torch.arange(len(x)).unsqueeze(1) / 10_000 ** torch.linspace(0, 1, self.output_size // 2 + 1)[:-1]
        )
        places = torch.cat([angles.sin(), angles.cos()], 1).unsqueeze(1).to(x)
        later = torch.ones(len(x), len(x), dtype=torch.bool, device=x.device).triu(1)
        states: Tensor = self.blocks(self.embedding(x) + places, mask=later, is_causal=True)
        return states


class FormalNetwork(nn.Module):
    """Symbols, each as a vector with a single 1, through a layer to the answers."""

    def __init__(self, language: Language, layer: Recurrent | Transformer) -> None:
        super().__init__()
        self.language, self.layer = language, layer
        self.readout = nn.Linear(layer.output_size, language.answers)
        self.one_hot: Tensor
        self.register_buffer("one_hot", torch.eye(language.inputs), persistent=False)

    def forward(self, batch: Strings) -> Float[Tensor, "answers choices"]:
        """The logits of every answer that is read, those at the first step first."""
        x = self.one_hot[batch.symbols]
        # What stands after a string changes nothing before it, so its length need not be told.
        states = self._states(x) if isinstance(self.layer, Recurrent) else self.layer(x)
        logits: Tensor = self.readout(states[batch.answered])
        return logits

    def _states(self, x: Float[Tensor, "time batch input"]) -> Float[Tensor, "time batch units"]:
        """The states after each step; in training, noise is added to them every few steps."""
        assert isinstance(self.layer, Recurrent)
        if not self.training:
            return self.layer(x)[0]
        pieces, hx = [], None
        for piece in torch.split(x, PIECE):
            output, final = self.layer(piece, hx)
            states = final if isinstance(final, tuple) else (final,)
            noisy = tuple(state + NOISE * torch.randn_like(state) for state in states)
            hx = noisy if len(noisy) > 1 else noisy[0]
            pieces.append(output)
        return torch.cat(pieces)

    def collate(self, examples: Sequence[Strings]) -> Strings:
        """The one batch that a step's examples are."""
        (batch,) = examples
        return batch

    def loss(self, batch: Strings, carry: Carry | None = None) -> tuple[Float[Tensor, ""], None]:  # noqa: ARG002
        """Mean cross entropy over the symbols of the answers, in nats."""
        return cross_entropy(self(batch), batch.targets[batch.answered]), None

    @torch.no_grad()
    def accuracy(self, batch: Strings) -> float:
        """The share of the answers' symbols that are right."""
        right = self(batch).argmax(1) == batch.targets[batch.answered]
        return float(right.double().mean())


def network_of(language: Language, name: str) -> FormalNetwork:
    """The network before training, from torch's generator. name: a cell's, or "transformer".

    Raises CellError for an unknown cell.
    """
    with torch.device("meta"):
        aim = weights_of(_of_width(language, "lstm", LSTM_UNITS))
        widths = range(HEADS, 4 * LSTM_UNITS, HEADS)
        sizes = [weights_of(_of_width(language, name, width)) for width in widths]
    return _of_width(
        language, name, min(zip(sizes, widths, strict=True), key=lambda one: abs(one[0] - aim))[1]
    )


def _of_width(language: Language, name: str, width: int) -> FormalNetwork:
    if name == TRANSFORMER:
        return FormalNetwork(language, Transformer(language.inputs, width))
    cell = by_name("rnn_tanh" if name == "rnn" else name)
    layer = Recurrent(cell, language.inputs, width, init="orthogonal")
    with torch.no_grad():
        layer.get_parameter("weight_ih_l0").mul_(INPUT_SCALE)
    return FormalNetwork(language, layer)


def weights_of(network: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(parameter.numel() for parameter in network.parameters())
