"""Initial weights: the gate that keeps gets the bias that was asked for, and only where there is one."""

import math

import pytest
import torch

import keepgate


def total_bias(layer, gate):
    index = layer.cell.gates.index(gate)
    return (layer.bias_ih_l0 + layer.bias_hh_l0).chunk(len(layer.cell.gates))[index]


@pytest.mark.parametrize(("layer", "gate"), [(keepgate.LSTM, "f"), (keepgate.GRU, "z")])
def test_forget_bias_is_the_keeping_gates_total(layer, gate):
    for init in ("torch", "orthogonal"):
        made = layer(5, 7, init=init, forget_bias=1.5)
        torch.testing.assert_close(total_bias(made, gate), torch.full((7,), 1.5))


@pytest.mark.parametrize(("layer", "gate"), [(keepgate.LSTM, "f"), (keepgate.GRU, "z")])
def test_chrono_spreads_memories_up_to_its_horizon(layer, gate):
    made = layer(5, 400, init="chrono", horizon=100)
    steps = total_bias(made, gate).exp().detach()
    assert steps.min() >= 1
    assert steps.max() <= 99
    assert abs(float(steps.mean()) - 50) < 6
    if gate == "f":
        assert torch.equal(total_bias(made, "i"), -total_bias(made, "f"))
        assert torch.equal(total_bias(made, "o"), torch.zeros(400))


def test_recurrent_weights_are_orthogonal_a_gate():
    for init, options in (("orthogonal", {}), ("chrono", {"horizon": 50})):
        for block in keepgate.LSTM(5, 8, init=init, **options).weight_hh_l0.chunk(4):
            torch.testing.assert_close(block @ block.T, torch.eye(8), atol=1e-5, rtol=0)


def test_each_layer_and_direction_is_set():
    layer = keepgate.LSTM(5, 7, 2, bidirectional=True, init="chrono", horizon=30)
    for name, bias in layer.named_parameters():
        if name.startswith("bias_ih"):
            assert bias[7:14].min() >= 0
            assert bias[7:14].max() <= math.log(29)
    before = layer.weight_ih_l0.clone()
    layer.reset_parameters()
    assert not torch.equal(layer.weight_ih_l0, before)


@pytest.mark.parametrize(
    ("layer", "options", "said"),
    [
        (keepgate.LSTM, {"init": "chrono"}, "needs the horizon"),
        (keepgate.LSTM, {"horizon": 10}, "needs the horizon"),
        (keepgate.LSTM, {"init": "chrono", "horizon": 2}, "greater than 2"),
        (keepgate.LSTM, {"init": "chrono", "horizon": float("inf")}, "finite"),
        (keepgate.LSTM, {"init": "chrono", "horizon": 10, "forget_bias": 1.0}, "itself"),
        (keepgate.LSTM, {"forget_bias": float("nan")}, "finite"),
        (keepgate.LSTM, {"init": "chrono", "horizon": 10, "bias": False}, "bias=False"),
        (keepgate.RNN, {"init": "chrono", "horizon": 10}, "keeps"),
        (keepgate.RNN, {"forget_bias": 1.0}, "keeps"),
        (keepgate.GRU, {"init": "xavier"}, "torch, orthogonal, chrono"),
        (keepgate.LSTMCell, {"init": "chrono"}, "needs the horizon"),
    ],
)
def test_choices_that_make_no_sense_are_refused(layer, options, said, as_users_run):
    with pytest.raises(keepgate.SettingsError, match=said):
        layer(5, 7, **options)


def test_cells_take_the_same_choices():
    cell = keepgate.GRUCell(5, 7, init="chrono", horizon=40)
    assert cell.bias_ih[7:14].min() >= 0
    assert keepgate.LSTMCell(5, 7, forget_bias=1.0).bias_ih[7:14].tolist() == [1.0] * 7
