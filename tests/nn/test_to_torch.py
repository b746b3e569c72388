"""to_torch: torch.nn's layer with the very same parameters, or a refusal that says what to do."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import keepgate
from keepgate import cells
from keepgate.nn import Recurrent
from tests.oracles import agrees, flat


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_it_is_torchs_with_the_very_parameters_and_settings(name):
    for layers, bidirectional, batch_first, bias in itertools.product((1, 3), (0, 1), (0, 1), (0, 1)):
        layer = getattr(keepgate, name)(
            3, 4, layers, bidirectional=bool(bidirectional), batch_first=bool(batch_first), bias=bool(bias)
        ).eval()
        theirs = layer.to_torch()
        assert type(theirs) is getattr(nn, name)
        assert repr(theirs) == repr(layer)
        assert not theirs.training
        assert [(n, id(w)) for n, w in theirs.named_parameters()] == [
            (n, id(w)) for n, w in layer.named_parameters()
        ]
        x = torch.randn(5, 2, 3)
        for mine, other in zip(flat(layer(x)), flat(theirs(x)), strict=True):
            agrees(mine, other)


def test_projection_dropout_and_nonlinearity_come_along():
    assert repr(keepgate.LSTM(3, 4, 2, proj_size=2, dropout=0.5).to_torch()) == repr(
        nn.LSTM(3, 4, 2, proj_size=2, dropout=0.5)
    )
    assert keepgate.RNN(3, 4, nonlinearity="relu").to_torch().mode == "RNN_RELU"
    assert type(Recurrent(cells.lstm, 3, 4).to_torch()) is nn.LSTM


@pytest.mark.filterwarnings("error")
def test_a_dropout_that_does_nothing_is_told_once():
    with pytest.warns(UserWarning, match="between layers"):
        layer = keepgate.GRU(3, 4, dropout=0.5)
    assert layer.to_torch().dropout == 0.5


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_too(name, bias):
    cell = getattr(keepgate, name)(3, 4, bias=bias)
    theirs, x = cell.to_torch(), torch.randn(5, 3)
    assert type(theirs) is getattr(nn, name)
    assert theirs.weight_hh is cell.weight_hh
    for mine, other in zip(flat(cell(x)), flat(theirs(x)), strict=True):
        agrees(mine, other)


def test_what_trains_one_trains_the_other():
    layer = keepgate.LSTM(3, 4)
    theirs, x = layer.to_torch(), torch.randn(5, 2, 3)
    optimiser = torch.optim.SGD(layer.parameters(), lr=1.0)
    theirs(x)[0].sum().backward()
    optimiser.step()
    agrees(layer(x)[0], theirs(x)[0])


@pytest.mark.parametrize(
    "cell", [cells.peephole, cells.mingru, cells.gru_reset_before], ids=lambda cell: cell.name
)
def test_a_cell_that_torch_lacks_is_refused(cell):
    with pytest.raises(keepgate.CellError, match=f"no layer of the cell {cell.name}; it has rnn_tanh"):
        Recurrent(cell, 3, 4).to_torch()


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: parametrizations.weight_norm(layer, "weight_hh_l0"),
        lambda layer: prune.random_unstructured(layer, "weight_hh_l0", 0.5),
    ],
)
def test_a_computed_weight_is_refused_by_name(change):
    layer = keepgate.LSTM(3, 4)
    change(layer)
    with pytest.raises(keepgate.SettingsError, match="weight_hh_l0 of this"):
        layer.to_torch()
    if parametrize.is_parametrized(layer):
        parametrize.remove_parametrizations(layer, "weight_hh_l0")
    else:
        prune.remove(layer, "weight_hh_l0")
    x = torch.randn(5, 2, 3)
    agrees(layer.to_torch()(x)[0], layer(x)[0])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_tool_that_looks_for_torchs_type_finds_it():
    for layer, found in ((keepgate.LSTM(3, 4), False), (keepgate.LSTM(3, 4).to_torch(), True)):
        quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(layer), {nn.LSTM})
        assert ("quantized" in type(quantised[0]).__module__) == found
