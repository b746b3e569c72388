"""Weights that are as they were drawn are known by their spread, and those of far too large steps by their size."""

import pytest
import torch
from torch import nn

import keepgate
from keepgate.lens.diagnosis.weight_scale import weight_scale


def moved(layer, rate, steps, seed=0):
    """The layer after some steps of Adam on targets that are noise."""
    torch.manual_seed(seed)
    optimiser = torch.optim.Adam(layer.parameters(), rate)
    for _ in range(steps):
        optimiser.zero_grad()
        (layer(torch.randn(6, 4, layer.input_size))[0] - 1).square().mean().backward()
        optimiser.step()
    return layer


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN, keepgate.LSTM])
@pytest.mark.parametrize("seed", range(5))
def test_training_moves_weights_and_a_rate_near_zero_does_not(kind, seed):
    torch.manual_seed(seed)
    layer = kind(5, 16)
    drawn = weight_scale(layer)
    assert drawn.as_drawn
    assert drawn.ratio == pytest.approx(1, abs=0.1)
    assert weight_scale(moved(layer, 1e-6, 50)).as_drawn
    assert not weight_scale(moved(layer, 0.02, 3)).as_drawn
    assert weight_scale(moved(layer, 3.0, 20)).ratio > 10


def test_orthogonal_weights_are_as_drawn_and_others_are_not():
    torch.manual_seed(0)
    layer = keepgate.LSTM(3, 16, init="chrono", horizon=40)
    assert weight_scale(layer).as_drawn
    assert not weight_scale(moved(layer, 0.01, 5)).as_drawn
    assert weight_scale(keepgate.LSTM(40, 8, init="orthogonal", bidirectional=True, proj_size=3)) is not None


def test_nothing_is_said_of_weights_that_are_not_trained_or_too_few():
    assert weight_scale(nn.LSTM(1, 2)) is None
    assert weight_scale(nn.LSTM(5, 16).requires_grad_(False)) is None
    layer = nn.LSTM(5, 16)
    with torch.no_grad():
        layer.weight_hh_l0[0, 0] = float("nan")
    assert weight_scale(layer) is None
    assert weight_scale(nn.utils.parametrizations.weight_norm(nn.GRU(5, 16), "weight_hh_l0")) is not None
