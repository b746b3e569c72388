"""Half-lives and saturation are those of each row's own steps."""

import math

import pytest
import torch

from keepgate import CellError, ShapeError
from keepgate.cells import mingru
from keepgate.lens.capture.layer_run import capture_layer
from keepgate.lens.memory.additive import memory_updates, retained_at
from keepgate.lens.memory.time_scales import half_life, half_lives, saturated_states, saturation
from keepgate.nn import LSTM, RNN, Recurrent
from tests.lens.networks import LENGTHS, ROWS, network, runs


def test_the_mean_of_the_logarithms_and_not_the_logarithm_of_the_mean():
    """A gate that is nearly open and now and then closed: LENS 5 has 9.8 steps against 33."""
    keep = torch.full((1000, 1, 1), 0.999, dtype=torch.float64)
    keep[::50] = 0.05
    right = math.log(2) / -(20 * math.log(0.05) + 980 * math.log(0.999)) * 1000
    wrong = -math.log(2) / math.log(float(keep.mean()))
    assert float(half_life(keep)) == pytest.approx(right)
    assert wrong > 2.5 * right


def test_after_its_half_lives_half_is_left():
    keep = torch.rand(60, 2, 5, dtype=torch.float64) * 0.2 + 0.8
    layer = LSTM(2, 5, dtype=torch.float64)
    part = capture_layer(layer, torch.randn(60, 2, 2, dtype=torch.float64)).trace.layer(0)
    part.over_time["f"] = keep
    left = retained_at(memory_updates(part))[0] * keep[0]
    torch.testing.assert_close(left, 0.5 ** (60 / half_lives(part)))


def test_padding_and_the_starts_of_sequences_do_not_count():
    for seen in runs("lstm"):
        for part in seen.trace.layers:
            found = half_lives(part)
            ends = LENGTHS if seen.lengths is not None else [len(part.f)] * ROWS
            for row, end in enumerate(ends):
                counted = ~part.was_cleared()[:end, row]
                if not counted.any():
                    assert found[row].isnan().all()
                    continue
                torch.testing.assert_close(found[row], half_life(part.f[:end, row : row + 1][counted])[0])


def test_a_cell_whose_factor_has_no_name_has_half_lives_too():
    layer = Recurrent(mingru, 3, 4, dtype=torch.float64)
    part = capture_layer(layer, torch.randn(9, 2, 3, dtype=torch.float64)).trace.layer(0)
    torch.testing.assert_close(half_lives(part), half_life(1 - part.z))


def test_saturation_counts_each_units_steps():
    layer = network("lstm", 1, scale=3.0)
    part = capture_layer(layer, torch.randn(7, ROWS, 5, dtype=torch.float64), lengths=LENGTHS).trace.layer(0)
    found = saturation(part)
    assert set(found) == {"i", "f", "o"}
    for name, one in found.items():
        values = torch.cat([part[name][:end, row] for row, end in enumerate(LENGTHS)])
        assert one.closed.tolist() == pytest.approx([(v < 0.1).double().mean().item() for v in values.T])
        assert one.open.tolist() == pytest.approx([(v > 0.9).double().mean().item() for v in values.T])
    assert any(bool(one.closed.any()) for one in found.values())


def test_states_of_a_tanh_are_stuck_where_a_gate_would_be():
    layer = network("rnn_tanh", 1, scale=3.0)
    part = capture_layer(layer, torch.randn(7, ROWS, 5, dtype=torch.float64), lengths=LENGTHS).trace.layer(0)
    states = torch.cat([part.h[:end, row] for row, end in enumerate(LENGTHS)])
    gate = torch.sigmoid(2 * torch.atanh(states))  # of the same slope, by the same share of the largest
    stuck = ((gate < 0.1) | (gate > 0.9)).double().mean().item()
    assert 0 < stuck < 1
    assert saturated_states(part) == pytest.approx(stuck)
    for cell in ("lstm", "gru", "rnn_relu"):
        other = capture_layer(Recurrent(cell, 2, 3), torch.randn(4, 1, 2)).trace.layer(0)
        assert saturated_states(other) is None


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(CellError, match="gradient"):
        half_lives(capture_layer(RNN(2, 3), torch.randn(4, 1, 2)).trace.layer(0))
    assert saturation(capture_layer(RNN(2, 3), torch.randn(4, 1, 2)).trace.layer(0)) == {}
    with pytest.raises(ShapeError, match="no row has a step"):
        saturation(capture_layer(LSTM(2, 3), torch.randn(4, 1, 2), lengths=[0]).trace.layer(0))
