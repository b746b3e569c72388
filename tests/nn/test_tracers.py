"""torch.jit.trace and torch.fx record a layer as one call, right at every size, or refuse; torch.jit.script refuses."""

import itertools

import pytest
import torch
from torch import fx, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import keepgate
from keepgate import cells
from keepgate.nn import Recurrent, TimeDelayLayer
from tests.oracles import agrees, flat

LAYERS = ["RNN", "LSTM", "GRU"]
SIZES = [(6, 3), (3, 6), (18, 1), (1, 1), (2, 9)]
# torch warns of what it deprecates, and of each size that Python looks at while it traces.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning"),
    pytest.mark.usefixtures("as_users_run"),
]


def states(layer, rows):
    """Initial states as the layer takes them."""
    sizes = [layer.output_size, layer.hidden_size][: len(layer.cell.states)]
    hx = tuple(torch.randn(layer.num_layers * layer.directions, rows, size) for size in sizes)
    return hx if len(hx) > 1 else hx[0]


def same(ours, theirs):
    for mine, other in zip(flat(ours), flat(theirs), strict=True):
        agrees(mine, other)


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_a_jit_trace_passes_torchs_own_check_and_is_right_at_every_size(name, gradients):
    for layers, bidirectional, batch_first in itertools.product((1, 2), (False, True), (False, True)):
        layer = getattr(keepgate, name)(3, 4, layers, bidirectional=bidirectional, batch_first=batch_first)
        with torch.set_grad_enabled(gradients):
            traced = torch.jit.trace(layer, torch.randn(6, 3, 3))
            with_states = torch.jit.trace(layer, (torch.randn(6, 6, 3), states(layer, 6)))
            for steps, rows in SIZES:
                x = torch.randn(rows, steps, 3) if batch_first else torch.randn(steps, rows, 3)
                hx = states(layer, rows)
                same(traced(x), layer(x))
                same(with_states(x, hx), layer(x, hx))


def test_a_jit_trace_learns_as_the_layer_does():
    layer = keepgate.LSTM(3, 4, 2, bidirectional=True)
    traced, x = torch.jit.trace(layer, torch.randn(6, 3, 3)), torch.randn(4, 5, 3)
    upstream = torch.randn(4, 5, 8)
    found = torch.autograd.grad(traced(x)[0], [*layer.parameters()], upstream)
    expected = torch.autograd.grad(layer(x)[0], [*layer.parameters()], upstream)
    for mine, other in zip(found, expected, strict=True):
        agrees(mine, other, "gradient")


class Only(nn.Module):
    """A model of one layer, called in one way."""

    def __init__(self, layer, call):
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, *given):
        return self.call(self.layer, *given)


class Packs(nn.Module):
    """Packs its rows, reads them and pads what comes out."""

    def __init__(self, layer, *, enforce_sorted):
        super().__init__()
        self.layer, self.enforce_sorted = layer, enforce_sorted

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=self.enforce_sorted)
        output, final = self.layer(packed)
        return pad_packed_sequence(output)[0], final


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_jit_trace_of_packed_rows_is_right_at_other_lengths(name, bidirectional):
    layer = getattr(keepgate, name)(3, 4, bidirectional=bidirectional)
    for enforce_sorted in (True, False):
        module, x = Packs(layer, enforce_sorted=enforce_sorted), torch.randn(6, 3, 3)
        traced = torch.jit.trace(module, (x, torch.tensor([6, 4, 2])), check_trace=False)
        for lengths in ([6, 5, 1], [5, 5, 5], [6, 1, 1]):
            given = torch.tensor(lengths if enforce_sorted else lengths[::-1])
            same(traced(x, given), module(x, given))


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_jit_trace_of_one_step_is_right_at_every_size(name):
    cell = getattr(keepgate, name)(3, 4)
    traced = torch.jit.trace(cell, torch.randn(5, 3))
    for rows in (1, 5, 8):
        x = torch.randn(rows, 3)
        same(traced(x), cell(x))


def test_a_jit_trace_of_the_time_delay_layer_is_right_at_every_size():
    model = Only(TimeDelayLayer(3, 4, window=3), lambda layer, x, lengths: layer(x, lengths=lengths)[0])
    traced = torch.jit.trace(model, (torch.randn(1, 2, 3), torch.tensor([1, 1])), check_trace=False)
    for steps, rows in SIZES:
        x, lengths = torch.randn(steps, rows, 3), torch.randint(0, steps + 1, (rows,))
        agrees(traced(x, lengths), model(x, lengths))


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (keepgate.LSTM(3, 4), {"lengths": [4, 2]}),
        (keepgate.LSTM(3, 4), {"resets": torch.zeros(4, 2, dtype=torch.bool)}),
        (keepgate.LSTM(3, 4, kernel="reference"), {}),
        (keepgate.LSTM(3, 4, kernel="cpu"), {}),
        (Recurrent(cells.peephole, 3, 4), {}),
        (Recurrent(cells.gru_reset_before, 3, 4), {}),
    ],
)
def test_jit_refuses_what_it_would_record_for_the_traced_sizes_only(layer, options):
    with pytest.raises(keepgate.KernelRefused, match=r"torch\.export"):
        torch.jit.trace(
            Only(layer, lambda layer, x: layer(x, **options)), torch.randn(4, 2, 3), check_trace=False
        )
    with pytest.raises(keepgate.KernelRefused, match=r"torch\.export"):
        torch.jit.trace(
            Only(layer, lambda layer, x: layer.trace(x).output), torch.randn(4, 2, 3), check_trace=False
        )


@pytest.mark.parametrize("layer", [keepgate.GRU(3, 4), keepgate.GRUCell(3, 4)])
def test_jit_script_names_the_way_out(layer):
    model = nn.Sequential(layer)
    with pytest.raises(keepgate.SettingsError, match="to_torch"):
        torch.jit.script(model)
    assert model[0] is layer


class Model(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.inner = nn.ModuleDict({"layer": layer})
        self.head = nn.Linear(layer.hidden_size * layer.directions, 2)

    def forward(self, x, hx=None):
        output, final = self.inner["layer"](x, hx)
        return self.head(output), final


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_fx_records_a_layer_as_one_call(name, bidirectional):
    layer = getattr(keepgate, name)(3, 4, bidirectional=bidirectional)
    model = Model(layer)
    graph = fx.symbolic_trace(model)
    assert [node.op for node in graph.graph.nodes].count("call_module") == 2
    for steps, rows in SIZES:
        x, hx = torch.randn(steps, rows, 3), states(layer, rows)
        same(graph(x, hx), model(x, hx))
        same(graph(x), model(x))


@pytest.mark.parametrize(
    "layer",
    [
        Recurrent(cells.peephole, 3, 4),
        keepgate.LSTMCell(3, 4),
        keepgate.GRUCell(3, 4),
        TimeDelayLayer(3, 4, window=2),
    ],
)
def test_fx_records_every_kind_of_layer(layer):
    x = torch.randn(5, 3) if isinstance(layer, nn.RNNCellBase) else torch.randn(5, 2, 3)
    model = nn.Sequential(layer)
    found, expected = fx.symbolic_trace(model)(x), model(x)
    same([part for part in found if part is not None], [part for part in expected if part is not None])


def test_fx_keeps_lengths_and_resets():
    class Ragged(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = keepgate.GRU(3, 4)

        def forward(self, x, lengths, resets):
            return self.layer(x, lengths=lengths, resets=resets)

    model, x = Ragged(), torch.randn(5, 2, 3)
    resets = torch.zeros(5, 2, dtype=torch.bool)
    resets[2, 0] = True
    same(fx.symbolic_trace(model)(x, torch.tensor([5, 2]), resets), model(x, torch.tensor([5, 2]), resets))
