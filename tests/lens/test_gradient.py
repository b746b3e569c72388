"""The gradient by lag is the derivative itself, and says vanishing, keeping and exploding where they are known."""

import math

import pytest
import torch

from keepgate.errors import SettingsError, ShapeError
from keepgate.lens.capture.layer_run import capture_layer
from keepgate.lens.gradients import write_influence
from keepgate.lens.gradients.by_lag import (
    decay_length,
    direct_path_by_lag,
    explodes,
    gradient_by_lag,
    gradient_of_run,
    vanishing_lag,
)
from keepgate.nn import GRU, LSTM, RNN
from tests.kernels.blocks import in_blocks


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
    assert vanishing_lag(values[1:]) is None


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
    assert vanishing_lag(0.5 ** torch.arange(30.0)) == 7
    assert vanishing_lag(torch.tensor([1.0, 0.001, 0.5, 0.001])) == 3
    assert vanishing_lag(torch.tensor([1.0, 0.5])) is None


def test_far_below_the_smallest_single_precision_number_it_is_still_a_number() -> None:
    layer = RNN(2, 4)
    values = gradient_by_lag(layer, torch.randn(400, 1, 2))
    assert 0 < values[-1] < 1e-45


def test_the_steps_before_the_furthest_count_for_the_states_only() -> None:
    layer, x = LSTM(2, 3, init="orthogonal", forget_bias=1.0), torch.randn(20, 2, 2)
    torch.testing.assert_close(gradient_by_lag(layer, x, max_lag=7), gradient_by_lag(layer, x)[:8])
    assert gradient_by_lag(layer, x, max_lag=0).tolist() == pytest.approx([1.0])
    assert gradient_by_lag(layer, x[:1]).tolist() == pytest.approx([1.0])


def test_the_states_of_the_layer_are_left_alone() -> None:
    layer = GRU(2, 3, batch_first=True)
    gradient_by_lag(layer, torch.randn(5, 2, 2))
    assert all(weight.grad is None and weight.dtype == torch.float32 for weight in layer.parameters())
    assert layer.batch_first
    assert layer.training


def test_what_cannot_be_measured_is_refused() -> None:
    x = torch.randn(5, 2, 2)
    with pytest.raises(SettingsError, match="no recurrent layer"):
        gradient_by_lag(torch.nn.Linear(2, 3), x)
    with pytest.raises(ShapeError, match="every row has length 0"):
        gradient_by_lag(GRU(2, 3), x, lengths=[0, 0])
    with pytest.raises(SettingsError, match="no state 'c'; it has h"):
        gradient_by_lag(GRU(2, 3), x, state="c")
    with pytest.raises(SettingsError, match="does not depend"):
        gradient_by_lag(GRU(2, 3), x, loss=lambda _: torch.zeros(()))
    with pytest.raises(ShapeError, match="0 to 4"):
        gradient_by_lag(GRU(2, 3), x, max_lag=5)
    with pytest.raises(ShapeError, match="at least one step"):
        gradient_by_lag(GRU(2, 3), x[:0])


def by_a_nudge(network, x, loss, lengths, lag, square=None):
    """The squared length of the gradient with respect to everything the layer carries, `lag` steps before each end."""
    ends = lengths or [len(x)] * x.shape[1]
    total = torch.zeros(x.shape[1]).double()
    for row, end in enumerate(ends):
        if end <= lag:
            continue
        alone = x[:end, row : row + 1]
        _, state = network(alone[: end - lag])
        states = tuple(each.detach() for each in (state if isinstance(state, tuple) else (state,)))
        for k, each in enumerate(states):
            for place in range(each.shape[0]):
                for unit in range(each.shape[2]):
                    values = []
                    for nudge in (1e-6, -1e-6):
                        nudged = [one.clone() for one in states]
                        nudged[k][place, 0, unit] += nudge
                        last = nudged[0][-1]
                        if lag:
                            given = tuple(nudged) if len(nudged) > 1 else nudged[0]
                            last = network(alone[end - lag :], given)[0][-1]
                        values.append(loss(last))
                    total[row] += ((values[0] - values[1]) / 2e-6) ** 2
    return total


@pytest.mark.parametrize("lengths", [None, [6, 3, 1]])
@pytest.mark.parametrize("layer", [RNN, LSTM, GRU])
def test_ragged_rows_count_from_their_own_ends(layer, lengths) -> None:
    network = layer(3, 4).double()
    x, direction = torch.randn(6, 3, 3).double(), torch.randn(4).double()

    def loss(output):
        return (output @ direction).tanh().sum()

    with torch.no_grad():
        found = gradient_by_lag(network, x, loss=loss, lengths=lengths)
        squares = torch.stack([by_a_nudge(network, x, loss, lengths, lag) for lag in range(6)])
    there = torch.tensor([[end > lag for end in lengths or [6] * 3] for lag in range(6)])
    norms = squares.sqrt().sum(1) / there.sum(1)
    torch.testing.assert_close(found, norms / norms[0], rtol=1e-6, atol=1e-9)


def test_both_directions_are_each_of_them_by_itself() -> None:
    """One layer in two directions is two layers that do not know each other, each with lags from its own end."""
    both = LSTM(3, 4, bidirectional=True).double()
    ways = [LSTM(3, 4).double(), LSTM(3, 4).double()]
    for way, end in zip(ways, ("", "_reverse"), strict=True):
        way.load_state_dict({name: getattr(both, name + end) for name in way.state_dict()})
    x, d = torch.randn(6, 1, 3).double(), torch.randn(8).double()
    found = gradient_by_lag(both, x, loss=lambda last: (last @ d).sum())
    alone = [
        gradient_by_lag(way, given, loss=lambda last, d=part: (last @ d).sum()) * part.norm()
        for way, given, part in ((ways[0], x, d[:4]), (ways[1], x.flip(0), d[4:]))
    ]
    torch.testing.assert_close(found, (alone[0] ** 2 + alone[1] ** 2).sqrt() / d.norm())


def test_a_backward_direction_that_is_taken_at_the_last_step_has_one_lag() -> None:
    """It has read that step alone, so that all further lags are the forward direction's."""
    both, forward = LSTM(3, 4, bidirectional=True), LSTM(3, 4)
    forward.load_state_dict({name: getattr(both, name) for name in forward.state_dict()})
    x, d = torch.randn(9, 2, 3), torch.zeros(9, 2, 8)
    d[-1] = torch.randn(2, 8)
    found = gradient_of_run(capture_layer(both, x), d)
    alone = gradient_of_run(capture_layer(forward, x), d[..., :4])
    torch.testing.assert_close(found[1:] / found[1], alone[1:] / alone[1])
    assert found[0] == 1
    assert found[-1] < 0.1
    backward = gradient_of_run(capture_layer(both, x), torch.cat([torch.zeros(9, 2, 4), d[..., 4:]], 2))
    assert backward[0] == 1
    assert not backward[1:].any()


def test_a_stack_has_the_gradient_of_all_its_states() -> None:
    """Against a graph of plain torch operations, in which every layer's state is a place of its own."""
    network = GRU(3, 4, 2).double()
    x, d = torch.randn(5, 2, 3).double(), torch.randn(4).double()
    weight = dict(network.named_parameters())

    def step(layer, x, h):
        wx = (x @ weight[f"weight_ih_l{layer}"].T + weight[f"bias_ih_l{layer}"]).chunk(3, 1)
        uh = (h @ weight[f"weight_hh_l{layer}"].T + weight[f"bias_hh_l{layer}"]).chunk(3, 1)
        r, z = (wx[0] + uh[0]).sigmoid(), (wx[1] + uh[1]).sigmoid()
        return (1 - z) * (wx[2] + r * uh[2]).tanh() + z * h

    h, states = [torch.zeros(2, 4).double()] * 2, []
    for t in range(5):
        h[0] = step(0, x[t], h[0])
        h[1] = step(1, h[0], h[1])
        states.append(tuple(h))
    value = (h[1] @ d).sum()
    flat = torch.autograd.grad(value, [each for pair in states for each in pair], allow_unused=True)
    flat = [torch.zeros(2, 4).double() if each is None else each for each in flat]
    norms = torch.stack([torch.cat(flat[k : k + 2], 1).norm(dim=1).mean() for k in range(0, 10, 2)]).flip(0)
    for furthest in (4, 2):
        found = gradient_by_lag(network, x, loss=lambda last: (last @ d).sum(), max_lag=furthest)
        torch.testing.assert_close(found, (norms / norms[0])[: furthest + 1])


@pytest.mark.parametrize("layer", [RNN, LSTM, GRU])
@pytest.mark.parametrize("block", [1, 3, 4])
def test_a_text_of_several_blocks_is_one_text(layer, block, monkeypatch) -> None:
    network = layer(3, 4, 2, bidirectional=True).double()
    x, lengths = torch.randn(9, 3, 3).double(), [9, 4, 0]
    seen = capture_layer(network, x, lengths=lengths)
    output, weight = torch.randn_like(seen.trace.output), torch.randn(8).double()

    def measured():
        yield gradient_by_lag(network, x, lengths=lengths, loss=lambda last: (last @ weight).tanh().sum())
        yield gradient_of_run(seen, output, tuple(torch.ones_like(state) for state in seen.final))
        yield gradient_of_run(seen, output)
        torch.manual_seed(5)
        yield gradient_by_lag(layer(3, 4, 2).double(), x, max_lag=6)
        if layer is not RNN:
            yield torch.stack(write_influence(seen, lambda shown: ((shown * output).tanh()).sum()))

    whole = list(measured())
    in_blocks(monkeypatch, block)
    for one, other in zip(whole, measured(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-300)


def test_layers_of_torch_are_measured_as_ours() -> None:
    theirs = torch.nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)
    ours = LSTM(3, 4, 2, bidirectional=True)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(6, 2, 3)
    torch.testing.assert_close(
        gradient_by_lag(theirs, x, lengths=[6, 4]), gradient_by_lag(ours, x, lengths=[6, 4])
    )


def test_what_the_memory_carries_is_the_product_of_what_keeps_it() -> None:
    network = LSTM(3, 4, bidirectional=True).double()
    lengths = [6, 3]
    trace = capture_layer(network, torch.randn(6, 2, 3).double(), lengths=lengths).trace
    for reverse in (False, True):
        f = trace.layer(0, reverse=reverse).f
        found = direct_path_by_lag(trace.layer(0, reverse=reverse))
        for lag in range(6):
            sizes = []
            for row, end in enumerate(lengths):
                if lag < end:
                    since = f[:lag, row] if reverse else f[end - lag : end, row]
                    sizes.append(since.prod(0).square().mean().sqrt())
            torch.testing.assert_close(found[lag], torch.stack(sizes).mean())
    assert len(direct_path_by_lag(trace.layer(0), max_lag=2)) == 3


def test_exploding_is_said_of_what_grows_and_ends_above_one() -> None:
    lags = torch.arange(30, dtype=torch.float64)
    assert explodes(1.1**lags)
    assert not explodes(0.9**lags)
    assert not explodes(0.5 * 1.01**-lags)
    assert explodes(torch.tensor([1.0, 1e300, math.inf]))
    assert not explodes(torch.ones(1))


def test_a_gradient_too_small_to_be_squared_is_still_a_number() -> None:
    layer = RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.eye(2) * 0.1)
        layer.weight_ih_l0.fill_(1.0)
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
    values = gradient_by_lag(layer, torch.ones(251, 1, 1))
    assert float(values[250]) == pytest.approx(1e-250, rel=1e-4)


@pytest.mark.parametrize("state", [None, "h", "c"])
def test_where_nothing_arrives_the_gradient_is_zero_and_does_not_explode(state) -> None:
    run = capture_layer(LSTM(2, 3), torch.randn(6, 4, 2))
    values = gradient_of_run(run, torch.zeros(6, 4, 3), state=state)
    assert torch.equal(values, torch.zeros(6, dtype=torch.float64))
    assert not explodes(values)
    assert vanishing_lag(values) == 0


def test_of_a_loss_of_the_first_step_only_the_gradient_is_relative_to_that_step() -> None:
    run = capture_layer(LSTM(2, 3), torch.randn(6, 4, 2))
    grad_output = torch.zeros(6, 4, 3)
    grad_output[0] = torch.randn(4, 3)
    values = gradient_of_run(run, grad_output)
    assert values.tolist() == [0, 0, 0, 0, 0, 1]
    assert not explodes(values)
    assert vanishing_lag(values) is None
    grad_output[1] = math.nan
    assert explodes(gradient_of_run(run, grad_output))
