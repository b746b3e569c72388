"""The gradient by lag is the derivative itself, and says vanishing, keeping and exploding where they are known."""

import math

import pytest
import torch

from keepgate.errors import SettingsError, ShapeError
from keepgate.lens.gradient import decay_length, gone_after, gradient_by_lag
from keepgate.nn import GRU, LSTM, RNN


@pytest.mark.parametrize("layer", [RNN, LSTM, GRU])
def test_it_is_the_derivative_of_the_loss_with_respect_to_the_states(layer) -> None:
    """Against finite differences: nudge the states at one step, run the rest, see the loss change."""
    network = layer(3, 4).double()
    x, direction = torch.randn(6, 2, 3).double(), torch.randn(4).double()

    def loss(output):
        return (output @ direction).tanh().sum()

    found = gradient_by_lag(network, x, loss=loss)
    norms = []
    for lag in range(6):
        _, state = network(x[: 6 - lag])
        states = state if isinstance(state, tuple) else (state,)
        squares = torch.zeros(2).double()
        for k in range(len(states)):
            for unit in range(4):
                values = []
                for nudge in (1e-6, -1e-6):
                    nudged = [one.clone() for one in states]
                    nudged[k][0, :, unit] += nudge
                    end = nudged[0][0]
                    if lag:
                        end = network(x[6 - lag :], tuple(nudged) if len(nudged) > 1 else nudged[0])[0][-1]
                    values.append((end @ direction).tanh())
                squares += ((values[0] - values[1]) / 2e-6) ** 2
        norms.append(squares.sqrt().mean())
    expected = torch.stack(norms) / norms[0]
    torch.testing.assert_close(found, expected.detach(), rtol=1e-7, atol=1e-9)


def test_the_cell_of_an_lstm_that_keeps_all_carries_the_gradient_whole() -> None:
    layer = LSTM(2, 3)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0[3:6] = 50.0  # forget gates fully open, and no state reaches any gate
    values = gradient_by_lag(layer, torch.randn(40, 2, 2), state="c")
    assert values[0] == 0, (
        "the loss takes the output, and the last cell state reaches it through the output only"
    )
    torch.testing.assert_close(values[1:], values[1].expand(39))
    assert math.isinf(decay_length(values[1:])) or decay_length(values[1:]) > 1e6
    assert gone_after(values[1:]) is None


def test_the_gradient_of_a_linear_chain_falls_and_grows_by_its_factor() -> None:
    for factor in (0.5, 1.25):
        layer = RNN(1, 1, nonlinearity="relu")
        with torch.no_grad():
            layer.weight_hh_l0.fill_(factor)
            layer.weight_ih_l0.fill_(1.0)
            layer.bias_ih_l0.zero_()
            layer.bias_hh_l0.zero_()
        values = gradient_by_lag(layer, torch.ones(30, 1, 1))
        torch.testing.assert_close(values, factor ** torch.arange(30, dtype=torch.float64))
        assert decay_length(values) == pytest.approx(-1 / math.log(factor))
    assert gone_after(0.5 ** torch.arange(30.0)) == 7
    assert gone_after(torch.tensor([1.0, 0.001, 0.5, 0.001])) == 3
    assert gone_after(torch.tensor([1.0, 0.5])) is None


def test_far_below_the_smallest_single_precision_number_it_is_still_a_number() -> None:
    layer = RNN(2, 4)
    values = gradient_by_lag(layer, torch.randn(400, 1, 2))
    assert 0 < values[-1] < 1e-45


def test_the_steps_before_the_furthest_count_for_the_states_only() -> None:
    layer, x = LSTM(2, 3, init="orthogonal", forget_bias=1.0), torch.randn(20, 2, 2)
    torch.testing.assert_close(gradient_by_lag(layer, x, furthest=7), gradient_by_lag(layer, x)[:8])
    assert gradient_by_lag(layer, x, furthest=0).tolist() == [1.0]
    assert gradient_by_lag(layer, x[:1]).tolist() == [1.0]


def test_the_states_of_the_layer_are_left_alone() -> None:
    layer = GRU(2, 3, batch_first=True)
    gradient_by_lag(layer, torch.randn(5, 2, 2))
    assert all(weight.grad is None and weight.dtype == torch.float32 for weight in layer.parameters())
    assert layer.batch_first
    assert layer.training


def test_what_cannot_be_measured_is_refused() -> None:
    x = torch.randn(5, 2, 2)
    with pytest.raises(SettingsError, match="2 directions"):
        gradient_by_lag(LSTM(2, 3, bidirectional=True), x)
    with pytest.raises(SettingsError, match="2 layers"):
        gradient_by_lag(LSTM(2, 3, num_layers=2), x)
    with pytest.raises(SettingsError, match="no state 'c'; it has h"):
        gradient_by_lag(GRU(2, 3), x, state="c")
    with pytest.raises(SettingsError, match="does not depend"):
        gradient_by_lag(GRU(2, 3), x, loss=lambda _: torch.zeros(()))
    with pytest.raises(ShapeError, match="0 to 4"):
        gradient_by_lag(GRU(2, 3), x, furthest=5)
    with pytest.raises(ShapeError, match="at least one step"):
        gradient_by_lag(GRU(2, 3), x[:0])
