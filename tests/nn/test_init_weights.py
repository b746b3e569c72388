"""Initial weights: the gate that keeps gets the bias that was asked for, and only where there is one."""

import math

import pytest
import torch

import keepgate
from keepgate.cells import CELLS
from keepgate.equations import Step, cell, exp, maximum, minimum, relu, sigmoid, tanh


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


@cell(gates="f i n", recurrent="none")
def share_of_two(wx, uh, s):
    f, i = sigmoid(wx.f + 3.0), sigmoid(2.0 * wx.i)
    share = f / (i + f)
    return Step(h=share * s.h + (1.0 - share) * wx.n, share=share)


@cell(gates="f n")
def with_constant(wx, uh, s):
    f = sigmoid(wx.f + uh.f + 1.0)
    return Step(h=f * s.h + (1.0 - f) * tanh(wx.n + uh.n), f=f)


@cell(gates="f n")
def hard(wx, uh, s):
    f = maximum(minimum(0.2 * (wx.f + uh.f) + 0.5, 1.0), 0.0)
    return Step(h=f * s.h + (1.0 - f) * tanh(wx.n + uh.n), f=f)


@cell(gates="z n")
def hard_complement(wx, uh, s):
    z = minimum(maximum((wx.z + uh.z) / 6.0 + 0.5, 0.0), 1.0)
    return Step(h=(1.0 - z) * s.h + z * tanh(wx.n + uh.n), z=z)


@cell(gates="z n")
def relu_clipped(wx, uh, s):
    z = minimum(1.0, relu(0.5 - 0.2 * (wx.z + uh.z)))
    return Step(h=z * s.h + (1.0 - z) * tanh(wx.n + uh.n), z=z)


@cell(gates="i f z", states="h c n m")
def slstm_exponential(wx, uh, s):
    """The sLSTM with the other of its paper's forget gates, exp(a_f)."""
    log_i, log_f = wx.i + uh.i, s.m + wx.f + uh.f
    m = maximum(log_i, log_f)
    i, f = exp(log_i - m), exp(log_f - m)
    c, n = f * s.c + i * tanh(wx.z + uh.z), f * s.n + i
    return Step(h=c / n, c=c, n=n, m=m, i=i, f=f)


@cell(gates="f n", vectors="shift")
def with_vector(wx, uh, s, v):
    f = sigmoid(v.shift - (wx.f + uh.f))
    return Step(h=f * s.h + (1.0 - f) * tanh(wx.n + uh.n), f=f)


OTHER_GATES = (
    share_of_two, with_constant, hard, hard_complement, relu_clipped, slstm_exponential, with_vector,
)  # fmt: skip
WITH_GATE = [c for c in (*CELLS, *OTHER_GATES) if c.analysis.retain_bias is not None]
each_with_gate = pytest.mark.parametrize("cell", WITH_GATE, ids=lambda cell: cell.name)


def retained(layer):
    """The share of the memory that the first step retains of zeros, at zero input, by the step itself."""
    trace = layer.trace(torch.zeros(1, 1, layer.input_size, dtype=torch.float64)).layer(0)
    gate = layer.cell.retain_gate
    return (1 - trace["z"] if gate is None else trace[gate]).flatten()


def test_every_cell_with_a_keeping_gate_has_biases_for_it():
    without = {"rnn_tanh", "rnn_relu", "ct_rnn", "indrnn"}
    assert {c.name for c in (*CELLS, *OTHER_GATES)} - {c.name for c in WITH_GATE} == without


@each_with_gate
@pytest.mark.parametrize(("init", "forget_bias"), [("torch", -0.5), ("orthogonal", 2.0)])
def test_the_keeping_gate_has_the_log_odds_that_were_asked_for(cell, init, forget_bias):
    torch.manual_seed(0)
    layer = keepgate.Recurrent(cell, 3, 20, init=init, forget_bias=forget_bias, dtype=torch.float64)
    asked = torch.full((20,), forget_bias, dtype=torch.float64).sigmoid()
    torch.testing.assert_close(retained(layer), asked, rtol=1e-6, atol=1e-6)


@each_with_gate
def test_chrono_spreads_the_memories_of_every_keeping_gate(cell):
    torch.manual_seed(0)
    layer = keepgate.Recurrent(cell, 3, 500, init="chrono", horizon=100, dtype=torch.float64)
    steps = 1 / (1 - retained(layer).detach()) - 1  # f / (1 - f), e to the power of the bias
    assert steps.min() > 0.999
    assert steps.max() < 99.01
    assert abs(float(steps.mean()) - 50) < 4
    assert abs(float(steps.std()) - 98 / math.sqrt(12)) < 2


@cell(gates="a b n")
def softmax_of_two(wx, uh, s):
    m = maximum(wx.a + uh.a, wx.b + uh.b)
    f = exp(wx.a + uh.a - m) / (exp(wx.a + uh.a - m) + exp(wx.b + uh.b - m))
    return Step(h=f * s.h + (1.0 - f) * tanh(wx.n), f=f)


@cell(gates="f n")
def share_of_one_block(wx, uh, s):
    f = sigmoid(wx.f) / (sigmoid(wx.f) + sigmoid(1.0 - wx.f))
    return Step(h=f * s.h + (1.0 - f) * tanh(wx.n + uh.n), f=f)


@pytest.mark.parametrize("twice", [softmax_of_two, share_of_one_block], ids=lambda cell: cell.name)
def test_a_gate_whose_block_would_be_set_twice_is_refused(twice):
    with pytest.raises(
        keepgate.SettingsError, match="keeps its memory by f, which no bias of a single block sets"
    ):
        keepgate.Recurrent(twice, 3, 4, forget_bias=-2.0)


def test_a_gate_that_no_bias_of_a_single_block_sets_is_refused_as_such():
    @cell(gates="f n")
    def two_blocks(wx, uh, s):
        f = sigmoid(wx.f + wx.n + uh.f)
        return Step(h=f * s.h + (1.0 - f) * tanh(wx.n), f=f)

    with pytest.raises(
        keepgate.SettingsError, match="keeps its memory by f, which no bias of a single block sets"
    ):
        keepgate.Recurrent(two_blocks, 3, 4, forget_bias=1.0)


def test_an_exponential_without_a_bound_is_no_gate():
    @cell(gates="f n")
    def unbounded(wx, uh, s):
        f = exp(maximum(wx.f, uh.f))
        return Step(h=f * s.h + wx.n, f=f)

    assert unbounded.retain_gate is None
