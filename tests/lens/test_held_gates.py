"""With every gate held, a network is a weighted sum of what it reads; the sum is the model's own answer."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from keepgate import GRU, LSTM, CellError, Recurrent, SettingsError, cells
from keepgate.cells import by_name
from keepgate.equations import Step, cell, sigmoid, tanh
from keepgate.lens import explain
from keepgate.lens.attribution.held_gates import gates_held
from keepgate.lens.capture import capture_layer
from keepgate.lens.memory import attribute
from tests.kernels.user_cells import reads_memory

STEPS, FEATURES = 9, 3
CELLS = [cell.name for cell in cells.CELLS if not cell.row_means]
EXACT = 1e-10


class Reads(nn.Module):
    """A layer, and a linear head on its last output or on the mean of all."""

    def __init__(self, layer, *, pooling="last", packs=False):
        super().__init__()
        self.layer, self.pooling, self.packs = layer, pooling, packs
        self.norm = nn.BatchNorm1d(FEATURES)
        self.head = nn.Linear((layer.proj_size or layer.hidden_size) * (1 + layer.bidirectional), 2)

    def forward(self, x):
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        if self.packs:
            x = pack_padded_sequence(x, [x.shape[1]] * len(x), batch_first=True, enforce_sorted=False)
            _, states = self.layer(x)
            return self.head((states[0] if isinstance(states, tuple) else states)[-1])
        output, _ = self.layer(x)
        return self.head(output.mean(1) if self.pooling == "mean" else output[:, -1])


def drawn(model, seed=0):
    """The same model in float64 with random weights, those of its norm among them."""
    generator = torch.Generator().manual_seed(seed)
    model = model.double().eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(
                torch.randn(weight.shape, generator=generator, dtype=torch.float64) * 0.7 + ("norm" in name)
            )
        model.norm.running_mean.add_(0.3)
    return model, torch.randn(5, STEPS, FEATURES, generator=generator, dtype=torch.float64)


def summed(model, x, row=1, **options):
    """The shares, after their sum has been held against the model's own answer."""
    shares = explain(model, x, row=row, target=1, shares="held", **options).shares
    with torch.no_grad():
        answer = float(model(x)[row, 1])
    assert shares.kind == "held"
    assert abs(float(shares.values.sum()) - (answer - shares.baseline)) < EXACT
    assert abs(shares.score - answer) < EXACT
    assert abs(shares.completeness - 1) < 1e-8
    return shares


LAYERS = {
    **{name: lambda name=name: Recurrent(by_name(name), FEATURES, 6, batch_first=True) for name in CELLS},
    "reads_memory": lambda: Recurrent(reads_memory, FEATURES, 6, batch_first=True),
    "torch's LSTM": lambda: nn.LSTM(FEATURES, 6, 2, batch_first=True, bidirectional=True),
    "torch's GRU": lambda: nn.GRU(FEATURES, 6, 2, batch_first=True),
    "torch's RNN": lambda: nn.RNN(FEATURES, 6, batch_first=True, bidirectional=True),
    "projected": lambda: LSTM(FEATURES, 6, batch_first=True, proj_size=4),
}


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_shares_sum_to_the_answer_less_its_bias(name, pooling):
    model, x = drawn(Reads(LAYERS[name](), pooling=pooling))
    shares = summed(model, x, baseline=0)
    assert shares.values.shape == (STEPS, FEATURES)
    summed(model, x)  # from each feature's mean


@pytest.mark.parametrize("name", [cell.name for cell in cells.CELLS if cell.row_means])
def test_a_normalisation_is_no_weighted_sum(name):
    model, x = drawn(Reads(Recurrent(by_name(name), FEATURES, 6, batch_first=True)))
    with pytest.raises(SettingsError, match="no weighted sum of what was read"):
        explain(model, x, row=1, target=1, shares="held")
    assert explain(model, x, row=1, target=1).shares.kind == "integrated"


def test_rows_that_a_model_packs():
    summed(*drawn(Reads(GRU(FEATURES, 6, batch_first=True), packs=True)))


def test_shares_worked_by_hand():
    """An LSTM of one unit whose gates are constants: Σ o tanh(c)/c f^(T - s) i tanh(x_s), by pen and paper."""
    layer = nn.LSTM(1, 1, batch_first=True).double()
    bias = {"i": 0.3, "f": 0.8, "g": 0.0, "o": -0.2}
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.weight_ih_l0[2] = 1
        layer.bias_ih_l0.copy_(torch.tensor(list(bias.values()), dtype=torch.float64))

    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return 3 * self.layer(x)[0][:, -1, 0] + 5

    x = torch.tensor([[0.5, -1.0, 0.0, 2.0]] * 2, dtype=torch.float64).unsqueeze(2)
    found = explain(One(), x, baseline=0, shares="held").shares
    i, f, o = (1 / (1 + math.exp(-bias[gate])) for gate in "ifo")
    writes = [f ** (3 - s) * i * math.tanh(value) for s, value in enumerate((0.5, -1.0, 0.0, 2.0))]
    c = sum(writes)
    wanted = [3 * o * math.tanh(c) / c * write for write in writes]
    assert found.values[:, 0].tolist() == pytest.approx(wanted, abs=EXACT)
    assert found.baseline == pytest.approx(5, abs=EXACT)


@pytest.mark.parametrize("name", ["lstm", "gru", "peephole", "mingru"])
def test_without_recurrent_candidates_they_are_the_direct_shares(name):
    """Where a candidate sees no state and has no bias, a step's write is its features' alone: the split of LENS 4."""
    layer = Recurrent(by_name(name), FEATURES, 6, batch_first=True)
    model, x = drawn(Reads(layer))
    model.norm = nn.Identity()
    gates = by_name(name).gates
    k = gates.index("g" if "g" in gates else "n")
    with torch.no_grad():
        for weight_name, weight in layer.named_parameters():
            if weight_name.startswith(("weight_hh", "bias")):
                weight.view(len(gates), 6, -1)[k] = 0
    shares = summed(model, x, baseline=0)
    run = capture_layer(layer, x[1:2].transpose(0, 1))
    direct = attribute(run.trace.layer(0), model.head.weight[1:2].detach())
    torch.testing.assert_close(shares.values.sum(1), direct.writes[:, 0, 0], atol=EXACT, rtol=0)


def test_the_answer_is_the_models_own_where_nothing_else_is_read():
    """Rows are computed with the first one's gates: the first is the layer itself."""
    model, x = drawn(Reads(nn.GRU(FEATURES, 6, batch_first=True)))
    with torch.no_grad():
        plain = model(x)
    with gates_held(model):
        held = model(x.requires_grad_()).detach()
    assert not model.layer._forward_hooks
    torch.testing.assert_close(held[0], plain[0], atol=EXACT, rtol=0)
    assert not torch.allclose(held[1], plain[1], atol=1e-3)


def test_where_the_sum_is_not_exact_the_gradients_are_integrated():
    class Bent(Reads):
        def forward(self, x):
            return super().forward(x).exp()

    model, x = drawn(Bent(nn.LSTM(FEATURES, 6, batch_first=True)))
    assert explain(model, x, target=1).shares.kind == "integrated"
    with pytest.raises(SettingsError, match=r'beside the gates is not linear.*shares="integrated"'):
        explain(model, x, target=1, shares="held")
    straight, x = drawn(Reads(nn.LSTM(FEATURES, 6, batch_first=True)))
    found = explain(straight, x, target=1)
    assert found.shares.kind == "held"
    assert "the shares sum exactly to the answer less" in str(found)
    assert explain(straight, x, target=1, shares="integrated").shares.kind == "integrated"


def test_other_shares_are_refused(as_users_run):
    model, x = drawn(Reads(nn.LSTM(FEATURES, 6, batch_first=True)))
    with pytest.raises(SettingsError, match="shares is 'direct'"):
        explain(model, x, target=1, shares="direct")


def test_a_product_of_two_signals_has_no_such_sum():
    @cell(gates="z n m", states="h")
    def squares(wx, uh, s):
        z = sigmoid(wx.z + uh.z)
        n = tanh(wx.n + uh.n) * (wx.m + uh.m)
        return Step(h=(1 - z) * s.h + z * n, z=z, n=n)

    model, x = drawn(Reads(Recurrent(squares, FEATURES, 6, batch_first=True)))
    assert explain(model, x, target=0).shares.kind == "integrated"
    with pytest.raises(CellError, match="product of two signals"), gates_held(model):
        model(x.requires_grad_())
