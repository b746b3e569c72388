"""The one-step Jacobian is autograd's, and the Lyapunov exponents are the rates of its products."""

import math

import pytest
import torch

from keepgate import CellError, SettingsError
from keepgate.cells import by_name
from keepgate.kernels import Call, run
from keepgate.lens.capture.layer_run import capture_layer
from keepgate.lens.gradients.by_lag import gradient_by_lag
from keepgate.lens.gradients.lyapunov_exponents import lyapunov
from keepgate.lens.gradients.step_jacobian import jacobian, jacobians
from keepgate.nn import GRU, LSTM, RNN
from tests.lens.networks import ALL, ROWS, STEPS, network, runs
from tests.oracles import agrees

GRAPHS = [cell for cell in ALL if cell.recurrent != "in_step" and not cell.row_means]
KINDS = [*((cell, False) for cell in GRAPHS), (by_name("lstm"), True)]
every_kind = pytest.mark.parametrize(
    ("cell", "projected"), KINDS, ids=lambda v: getattr(v, "name", "projected" if v else "")
)


def by_autograd(call, part, step):
    before = tuple(part.state_before(name)[step] for name in call.cell.states)
    x = call.x[step : step + 1]

    def after(*states):
        return torch.cat(run(Call.of(call.weights, x, states), "reference").final, 1).sum(0)

    found = torch.autograd.functional.jacobian(after, before)
    return torch.cat([block.transpose(0, 1) for block in found], 2)


@every_kind
def test_the_jacobian_is_autograds(cell, projected):
    seen = next(runs(cell, projected=projected))
    for place, part in enumerate(seen.trace.layers):
        call = seen.call(place)
        for step in (0, 3, STEPS - 1):
            found = jacobian(seen, step, layer=part.layer, reverse=part.reverse)
            agrees(found, by_autograd(call, part, step))


def test_an_lstms_jacobian_is_the_formula():
    seen = capture_layer(network("lstm", 1), torch.randn(STEPS, ROWS, 5, dtype=torch.float64))
    part, step, row = seen.trace.layer(0), 4, 1
    i, f, g, o, c = (part[name][step, row] for name in "ifgoc")
    before = part.state_before("c")[step, row]
    u_i, u_f, u_g, u_o = seen.layer.weight_hh_l0.chunk(4)
    d = torch.diag
    a = d(before * f * (1 - f)) @ u_f + d(g * i * (1 - i)) @ u_i + d(i * (1 - g**2)) @ u_g
    shows = o * (1 - c.tanh() ** 2)
    top = torch.cat([d(shows) @ a + d(c.tanh() * o * (1 - o)) @ u_o, d(shows * f)], 1)
    agrees(jacobian(seen, step)[row], torch.cat([top, torch.cat([a, d(f)], 1)]))


def test_padding_changes_nothing_and_a_new_sequence_remembers_nothing():
    for seen in list(runs("lstm"))[1:]:
        for place, part in enumerate(seen.trace.layers):
            found = jacobians(seen.call(place), part)
            same = torch.eye(8, dtype=torch.float64)
            assert bool((found[~part.is_real()] == same).all())
            assert not found[part.was_cleared() & part.is_real()].any()


def test_a_product_inside_the_step_has_no_graph():
    with pytest.raises(CellError, match="no graph"):
        jacobian(next(runs("gru_reset_before")), 0)


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_the_exponents_are_the_logarithms_of_the_products_singular_values(kind):
    """Over a few steps from the same basis: their sum is the determinant's, at any length."""
    layer = kind(3, 4, dtype=torch.float64)
    seen = capture_layer(layer, torch.randn(40, 2, 3, dtype=torch.float64))
    found = lyapunov(seen)
    steps = jacobians(seen.call(0), seen.trace.layer(0))
    assert found.shape == (2, len(steps[0, 0]))
    assert bool((found[:, :-1] >= found[:, 1:]).all())
    determinants = torch.linalg.slogdet(steps).logabsdet.mean(0)
    torch.testing.assert_close(found.sum(1), determinants)


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_the_largest_exponent_is_the_rate_at_which_the_gradient_fades(kind):
    layer = kind(3, 6, dtype=torch.float64)
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            if name.startswith("weight_hh"):
                weight.mul_(1.5)
    x = torch.randn(900, 1, 3, dtype=torch.float64)
    largest = float(lyapunov(capture_layer(layer, x), skip=100)[0, 0])
    values = gradient_by_lag(layer, x, max_lag=600).log()
    slope = float((values[600] - values[100]) / 500)
    assert largest == pytest.approx(slope, rel=0.05)


def test_a_linear_network_has_its_matrix_s_rates():
    layer = RNN(2, 3, nonlinearity="relu", dtype=torch.float64)
    matrix = torch.tensor([[0.5, 0.3, 0.1], [0.0, 1.2, 0.4], [0.0, 0.0, 0.9]], dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(matrix)
        layer.weight_ih_l0.fill_(0.0)
        layer.bias_ih_l0.fill_(1.0)  # every unit stays above 0
        layer.bias_hh_l0.zero_()
    found = lyapunov(capture_layer(layer, torch.ones(400, 1, 2, dtype=torch.float64)), skip=100)
    assert found[0].tolist() == pytest.approx([math.log(1.2), math.log(0.9), math.log(0.5)], abs=1e-3)


def test_ragged_rows_and_the_reverse_direction_count_their_own_steps():
    layer = network("lstm", 1)
    x = torch.randn(STEPS, ROWS, 5, dtype=torch.float64)
    lengths = [7, 0, 4]
    seen = capture_layer(layer, x, lengths=lengths)
    for reverse in (False, True):
        found = lyapunov(seen, reverse=reverse, count=2)
        assert found[1].isnan().all()
        for row in (0, 2):
            alone = capture_layer(layer, x[: lengths[row], row : row + 1])
            expected = lyapunov(alone, reverse=reverse)[0]
            assert found.shape == (ROWS, 2)
            if row == 0:  # the basis is drawn row after row
                agrees(lyapunov(seen, reverse=reverse)[0].sum(), expected.sum())
            else:
                agrees(lyapunov(seen, reverse=reverse)[2].sum(), expected.sum())


def test_the_reverse_direction_is_a_forward_one_that_reads_the_text_backwards():
    both = LSTM(5, 4, bidirectional=True, dtype=torch.float64)
    one = LSTM(5, 4, dtype=torch.float64)
    with torch.no_grad():
        for name, weight in one.named_parameters():
            weight.normal_()
            getattr(both, f"{name}_reverse").copy_(weight)
    x = torch.randn(20, ROWS, 5, dtype=torch.float64)
    found = lyapunov(capture_layer(both, x), reverse=True, skip=4)
    agrees(found, lyapunov(capture_layer(one, x.flip(0)), skip=4), "gradient")


def test_what_cannot_be_counted_is_refused():
    seen = capture_layer(LSTM(2, 3), torch.randn(4, 1, 2))
    with pytest.raises(SettingsError, match="6 units together"):
        lyapunov(seen, count=7)
    with pytest.raises(SettingsError, match="at least one to count"):
        lyapunov(seen, skip=4)
