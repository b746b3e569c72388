"""Looking into a model while it trains leaves the training bit for bit as it was, on ten kinds of models."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.nn.utils.rnn import pack_padded_sequence

from keepgate import lens

ROWS, STEPS, FEATURES, UNITS = 12, 9, 3, 6


class Last(nn.Module):
    """Answers from the last state."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(UNITS * (1 + layer.bidirectional), 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class Normed(Last):
    """After BatchNorm, with dropout; some parts are frozen in evaluation mode."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__(layer)
        self.norm, self.frozen, self.dropout = (
            nn.BatchNorm1d(FEATURES),
            nn.BatchNorm1d(FEATURES),
            nn.Dropout(0.3),
        )

    def train(self, mode: bool = True) -> "Normed":
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        x = self.frozen(self.norm(x.transpose(1, 2))).transpose(1, 2)
        return super().forward(self.dropout(x))


class Stateful(Last):
    """Goes on from the states of the call before, and counts its calls in a buffer."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__(layer)
        self.register_buffer("calls", torch.zeros(()))
        self.state: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        output, state = self.layer(x, self.state)
        self.state = state.detach()
        return self.head(output[:, -1])


class InPlace(Last):
    """Changes its input in place."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(0.5))


class Packed(Last):
    """Packs rows of lengths that it finds out itself."""

    def forward(self, x: Tensor) -> Tensor:
        lengths = (
            torch.arange(len(x)) % STEPS + 1 if x.shape[1] == STEPS else torch.full((len(x),), x.shape[1])
        )
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.layer(packed)[1][-1])


class Attends(Last):
    """Averages its states with weights, after a noise of its own in training."""

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.1 * torch.randn_like(x) if self.training else x
        states = self.layer(x)[0]
        return self.head((states.sum(2, keepdim=True).softmax(1) * states).sum(1))


KINDS: dict[str, Callable[[], nn.Module]] = {
    "LSTM": lambda: Last(nn.LSTM(FEATURES, UNITS, batch_first=True)),
    "RNN": lambda: Last(nn.RNN(FEATURES, UNITS, batch_first=True)),
    "GRU, both directions": lambda: Last(nn.GRU(FEATURES, UNITS, batch_first=True, bidirectional=True)),
    "two layers with dropout": lambda: Last(nn.LSTM(FEATURES, UNITS, 2, batch_first=True, dropout=0.4)),
    "norms, dropout, a frozen part": lambda: Normed(nn.GRU(FEATURES, UNITS, batch_first=True)),
    "spectral norm": lambda: Last(spectral_norm(nn.LSTM(FEATURES, UNITS, batch_first=True), "weight_hh_l0")),
    "weight norm": lambda: Last(weight_norm(nn.GRU(FEATURES, UNITS, batch_first=True), "weight_ih_l0")),
    "stateful": lambda: Stateful(nn.GRU(FEATURES, UNITS, batch_first=True)),
    "input changed in place": lambda: InPlace(nn.LSTM(FEATURES, UNITS, batch_first=True)),
    "packed": lambda: Packed(nn.GRU(FEATURES, UNITS, batch_first=True)),
    "attention, noise": lambda: Attends(nn.LSTM(FEATURES, UNITS, batch_first=True)),
}


def trained(kind: str, *, watched: bool) -> tuple[list[Tensor], Tensor]:
    """The losses, weights and buffers after a few steps, and torch's random state."""
    torch.manual_seed(0)
    model = KINDS[kind]().train()
    x, targets = torch.randn(ROWS, STEPS, FEATURES), torch.randint(0, 3, (ROWS,))
    optimiser, values = torch.optim.Adam(model.parameters(), lr=0.01), []
    random_state = torch.get_rng_state()
    watch = lens.Watch(model, x, targets, every=2) if watched else None
    assert torch.equal(torch.get_rng_state(), random_state)
    for step in range(5):
        optimiser.zero_grad()
        loss = cross_entropy(model(x.clone()), targets)
        loss.backward()
        if watch is not None:
            watch(step)
        if watched and step == 3:
            lens.examine(model, [(x, targets)])
        optimiser.step()
        values.append(loss.detach())
    modes = torch.tensor([part.training for part in model.modules()])
    return [*values, x, modes, *model.state_dict().values()], torch.get_rng_state()


@pytest.mark.filterwarnings("ignore:.*single contiguous chunk of memory")
@pytest.mark.parametrize("kind", KINDS)
def test_a_watched_training_is_the_same_bit_for_bit(kind: str) -> None:
    alone, watched = trained(kind, watched=False), trained(kind, watched=True)
    assert torch.equal(alone[1], watched[1]), "no random number is drawn"
    assert len(alone[0]) == len(watched[0])
    for value, other in zip(*(run[0] for run in (alone, watched)), strict=True):
        assert torch.equal(value, other)
