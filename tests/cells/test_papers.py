"""Numbers worked by hand from each paper's equations, with logarithms chosen so that all comes out rational:

sigmoid(ln 3) = 3 / (3 + 1) = 3/4, sigmoid(0) = 1/2, sigmoid(-ln 3) = 1 / (1 + 3) = 1/4
tanh(ln 2) = (2 - 1/2) / (2 + 1/2) = 3/5, tanh(ln 3) = (3 - 1/3) / (3 + 1/3) = 4/5
"""

from math import log, tanh

import pytest
import torch

from keepgate.cells import gru, gru_reset_before, lstm, mingru, peephole, rnn_relu, rnn_tanh
from tests.cells.one_step import one_step

LN2, LN3 = log(2), log(3)


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def numbers(step):
    return {name: value.item() for name, value in step.items()}


def test_rnn_tanh_by_hand():
    # a = wx + uh = (2 · ln 2 + ln 3) + (1/2 · -4 ln 2 + 0) = 2 ln 2 + ln 3 - 2 ln 2 = ln 3
    # h = tanh(a) = tanh(ln 3) = 4/5
    step = one_step(
        rnn_tanh,
        tensor([2.0]),
        {"h": tensor([0.5])},
        weight_ih=tensor([LN2]),
        bias_ih=tensor(LN3),
        weight_hh=tensor([-4 * LN2]),
        bias_hh=tensor(0.0),
    )
    assert numbers(step) == pytest.approx({"h": 4 / 5})


def test_rnn_relu_by_hand():
    # Two units, two inputs. x = (1, 2), h_prev = (3, 1)
    # wx = (1·1 + 0·2 + 1, -2·1 + 1·2 + 0) = (2, 0);  uh = (1·3 + 2·1 + 0, 0·3 - 4·1 + 1) = (5, -3)
    # a = (7, -3);  h = relu(a) = (7, 0)
    step = one_step(
        rnn_relu,
        tensor([1.0, 2.0]),
        {"h": tensor([3.0, 1.0])},
        weight_ih=tensor([1.0, 0.0], [-2.0, 1.0]),
        bias_ih=tensor(1.0, 0.0),
        weight_hh=tensor([1.0, 2.0], [0.0, -4.0]),
        bias_hh=tensor(0.0, 1.0),
    )
    assert step["h"].tolist() == [[7.0, 0.0]]


def test_lstm_by_hand():
    # One unit, x = 2, h_prev = 1/2, c_prev = 2 ln 2 - 9/10. Rows i f g o:
    #   i: (2 · ln 3 + 0)   + (1/2 · -2 ln 3 + 0)   = ln 3    i = sigmoid(ln 3)  = 3/4
    #   f: (2 · 1 - 1)      + (1/2 · -4 + 1)        = 0       f = sigmoid(0)     = 1/2
    #   g: (2 · 0 + ln 2)   + (1/2 · 2 ln 2 - ln 2) = ln 2    g = tanh(ln 2)     = 3/5
    #   o: (2 · 0 - 2 ln 3) + (1/2 · 0 + ln 3)      = -ln 3   o = sigmoid(-ln 3) = 1/4
    # c = f c_prev + i g = 1/2 (2 ln 2 - 9/10) + 3/4 · 3/5 = ln 2 - 9/20 + 9/20 = ln 2
    # h = o tanh(c) = 1/4 · 3/5 = 3/20
    step = one_step(
        lstm,
        tensor([2.0]),
        {"h": tensor([0.5]), "c": tensor([2 * LN2 - 0.9])},
        weight_ih=tensor([LN3], [1.0], [0.0], [0.0]),
        bias_ih=tensor(0.0, -1.0, LN2, -2 * LN3),
        weight_hh=tensor([-2 * LN3], [-4.0], [2 * LN2], [0.0]),
        bias_hh=tensor(0.0, 1.0, -LN2, LN3),
    )
    assert numbers(step) == pytest.approx(
        {"h": 3 / 20, "c": LN2, "i": 3 / 4, "f": 1 / 2, "g": 3 / 5, "o": 1 / 4}
    )


def test_peephole_by_hand():
    # One unit, x = 1, h_prev = 1/2, c_prev = ln 3. Rows i f g o, and what each gate sees of the memory:
    #   i: (1 · -ln 3 + 0)   + (1/2 · 2 - 1)  + 2 c_prev = ln 3   i = sigmoid(ln 3) = 3/4
    #   f: (1 · ln 3 - 1)    + (1/2 · 0 + 1)  - 1 c_prev = 0      f = sigmoid(0)    = 1/2
    #   g: (1 · ln 2 + 0)    + (1/2 · 4 - 2)             = ln 2   g = tanh(ln 2)    = 3/5
    # c = f c_prev + i g = 1/2 ln 3 + 9/20
    #   o: (1 · 1 + 7/20)    + (1/2 · -2 + 1) - 3 c      = -3/2 ln 3: it sees c, not c_prev
    #      o = sigmoid(-3/2 ln 3) = 1 / (1 + 3 √3)
    # h = o tanh(c)
    step = one_step(
        peephole,
        tensor([1.0]),
        {"h": tensor([0.5]), "c": tensor([LN3])},
        weight_ih=tensor([-LN3], [LN3], [LN2], [1.0]),
        bias_ih=tensor(0.0, -1.0, 0.0, 0.35),
        weight_hh=tensor([2.0], [0.0], [4.0], [-2.0]),
        bias_hh=tensor(-1.0, 1.0, -2.0, 1.0),
        p_i=tensor(2.0),
        p_f=tensor(-1.0),
        p_o=tensor(-3.0),
    )
    o, c = 1 / (1 + 3 * 3**0.5), LN3 / 2 + 9 / 20
    assert numbers(step) == pytest.approx(
        {"h": o * tanh(c), "c": c, "i": 3 / 4, "f": 1 / 2, "g": 3 / 5, "o": o}
    )


# One unit, x = 1, h_prev = 1/5. Rows r z n of what both forms share:
#   r: (1 · 1 + 0)   + (1/5 · -5 + 0)   = 0      r = sigmoid(0)    = 1/2
#   z: (1 · 0 + ln 3) + (1/5 · 5 - 1)   = ln 3   z = sigmoid(ln 3) = 3/4
SHARED = {
    "weight_hh": tensor([-5.0], [5.0], [5 * LN2]),
    "bias_hh": tensor(0.0, -1.0, LN2),
}


def test_gru_by_hand():
    # n: uh = 1/5 · 5 ln 2 + ln 2 = 2 ln 2;  wx = 1 · ln 2 - ln 2 = 0
    #    n = tanh(wx + r uh) = tanh(0 + 1/2 · 2 ln 2) = tanh(ln 2) = 3/5
    # h = (1 - z) n + z h_prev = 1/4 · 3/5 + 3/4 · 1/5 = 3/20 + 3/20 = 3/10
    step = one_step(
        gru,
        tensor([1.0]),
        {"h": tensor([0.2])},
        weight_ih=tensor([1.0], [0.0], [LN2]),
        bias_ih=tensor(0.0, LN3, -LN2),
        **SHARED,
    )
    assert numbers(step) == pytest.approx({"h": 3 / 10, "r": 1 / 2, "z": 3 / 4, "n": 3 / 5})


def test_gru_reset_before_by_hand():
    # n: u(r h_prev) = 5 ln 2 · (1/2 · 1/5) + ln 2 = 3/2 ln 2;  wx = 1 · ln 2 - 3/2 ln 2 = -1/2 ln 2
    #    n = tanh(wx + u(r h_prev)) = tanh(ln 2) = 3/5
    #    (reset after the product: tanh(-1/2 ln 2 + 1/2 · 2 ln 2) = tanh(1/2 ln 2) = (2 - 1) / (2 + 1) = 1/3)
    # h = (1 - z) n + z h_prev = 1/4 · 3/5 + 3/4 · 1/5 = 3/10
    weights = {"weight_ih": tensor([1.0], [0.0], [LN2]), "bias_ih": tensor(0.0, LN3, -1.5 * LN2), **SHARED}
    step = one_step(gru_reset_before, tensor([1.0]), {"h": tensor([0.2])}, **weights)
    assert numbers(step) == pytest.approx({"h": 3 / 10, "r": 1 / 2, "z": 3 / 4, "n": 3 / 5})
    after = one_step(gru, tensor([1.0]), {"h": tensor([0.2])}, **weights)
    assert after["n"].item() == pytest.approx(1 / 3)


def test_mingru_by_hand():
    # One unit, x = 2, h_prev = 4. Nothing sees h_prev:
    #   z: 2 · 0 + ln 3 = ln 3      z = 3/4
    #   n: 2 · 5 - 2    = 8         n = 8, as it is
    # h = (1 - z) h_prev + z n = 1/4 · 4 + 3/4 · 8 = 7
    step = one_step(
        mingru,
        tensor([2.0]),
        {"h": tensor([4.0])},
        weight_ih=tensor([0.0], [5.0]),
        bias_ih=tensor(LN3, -2.0),
    )
    assert numbers(step) == pytest.approx({"h": 7.0, "z": 3 / 4, "n": 8.0})


def test_in_a_mingru_an_open_gate_writes():
    for open_z, expected in ((1.0, 0.3), (0.0, 0.7)):
        traced = {"z": tensor([open_z]), "n": tensor([0.3])}
        assert mingru.rebuild(traced, {"h": tensor([0.7])})["h"].item() == expected


def test_an_open_gate_keeps():
    # As the textbooks say of f and z: near 1 the memory stays as it is, near 0 it is gone.
    for cell, gate in ((lstm, "f"), (peephole, "f"), (gru, "z")):
        assert cell.retain_gate == gate
        traced = {name: tensor([0.0]) for name in cell.traced}
        previous = {state: tensor([0.7]) for state in cell.states}
        kept = cell.rebuild({**traced, gate: tensor([1.0])}, previous)
        gone = cell.rebuild({**traced, gate: tensor([0.0])}, previous)
        assert (kept[cell.memory_state].item(), gone[cell.memory_state].item()) == (0.7, 0.0)
