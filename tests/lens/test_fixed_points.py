"""Fixed points against networks whose points are known."""

import pytest
import torch
from torch import nn

from keepgate import SettingsError, ShapeError
from keepgate.lens import attach, capture_layer, fixed_points

# The stable solution of h = tanh(2 h).
CORNER = 0.9575040240772688


def parity():
    """Two units, whether state and input together are above 0.5, and above 1.5; the state is half their difference."""
    layer, k = nn.RNN(1, 2), 6.0
    with torch.no_grad():
        layer.weight_hh_l0[:] = torch.tensor([[k / 2, -k / 2]] * 2)
        layer.weight_ih_l0[:] = k
        layer.bias_ih_l0[:] = torch.tensor([-0.5 * k, -1.5 * k])
        layer.bias_hh_l0.zero_()
    return layer


def flip_flop():
    """Three units that do not know each other, each a bit that holds until a pulse sets it."""
    layer = nn.RNN(3, 3, bias=False)
    with torch.no_grad():
        layer.weight_hh_l0[:] = 2 * torch.eye(3)
        layer.weight_ih_l0[:] = 5 * torch.eye(3)
    return layer


def test_the_points_of_a_flip_flop_are_those_that_are_known():
    pulses = torch.zeros(60, 16, 3)
    pulses = torch.where(torch.rand_like(pulses) < 0.05, torch.randint(2, pulses.shape) * 2.0 - 1, pulses)
    found = fixed_points(capture_layer(flip_flop(), pulses))
    levels = torch.tensor([-CORNER, 0.0, CORNER], dtype=torch.float64)
    known = torch.cartesian_prod(levels, levels, levels)
    assert float(torch.cdist(found.points, known).min(1).values.max()) < 1e-6
    corners = found.points[found.is_stable]
    assert len(corners) == 8
    assert bool((corners.abs() > 0.9).all())
    # A unit at 0 grows by 2 a step, one at a corner shrinks to 2 (1 - h²).
    for point, values in zip(found.points, found.eigenvalues, strict=True):
        slopes = (2 * (1 - point**2)).sort(descending=True).values
        assert torch.allclose(values.real, slopes, atol=1e-5)


def test_parity_has_two_points_and_flips_between_two_others():
    found = fixed_points(capture_layer(parity(), torch.randint(2, (40, 8, 1)).float()))
    assert [bool(stable) for stable in found.is_stable] == [True, True, False]
    assert float(found.eigenvalues[2, 0].abs()) > 1
    # It flips at every step that is a 1: nothing is fixed but what lies between, and two steps come back.
    ones = fixed_points(capture_layer(parity(), torch.randint(2, (40, 8, 1)).float()), [1.0])
    assert not ones.is_stable.any()
    twice = fixed_points(capture_layer(parity(), torch.randint(2, (40, 8, 1)).float()), [1.0], period=2)
    assert int(twice.is_stable.sum()) == 2


def test_it_shows_itself(tmp_path):
    found = fixed_points(capture_layer(parity(), torch.randint(2, (40, 8, 1)).float()))
    assert repr(found) == "2 stable, 1 unstable and 0 slow points."
    svg = found.figure().save(tmp_path / "x.svg").read_text(encoding="utf-8")
    assert svg.count('class="dot"') == 2
    assert "<img" in found._repr_html_()
    assert len(found.plot().lines) == 3
    zh = fixed_points(capture_layer(parity(), torch.zeros(3, 1, 1)), language="zh-TW")
    assert "穩定點" in repr(zh)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_points_of_gates_are_fixed_and_their_eigenvalues_are_autograds(kind):
    torch.manual_seed(3)
    layer = kind(2, 3).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.normal_(0, 1.0)
    model = nn.ModuleDict({"layer": layer})
    with attach(model["layer"]) as seen:
        model["layer"](torch.randn(30, 8, 2, dtype=torch.float64))
    given = torch.tensor([0.3, -0.2], dtype=torch.float64)
    found = fixed_points(next(iter(seen.values())), given)
    assert bool(found.is_fixed.any())

    def step(states):
        parts = [part.reshape(1, 1, -1) for part in states.split(3)]
        hx = tuple(parts) if len(parts) > 1 else parts[0]
        _, after = layer(given.reshape(1, 1, 2), hx)
        return torch.cat([part.flatten() for part in (after if isinstance(after, tuple) else (after,))])

    for point, values in zip(found.points[found.is_fixed], found.eigenvalues[found.is_fixed], strict=True):
        assert float((step(point) - point).detach().norm()) < 1e-5
        true = torch.linalg.eigvals(torch.autograd.functional.jacobian(step, point))
        assert torch.allclose(values.abs(), true.abs().sort(descending=True).values, atol=1e-6)


def test_what_does_not_fit_is_refused():
    seen = capture_layer(parity(), torch.zeros(3, 1, 1))
    with pytest.raises(ShapeError, match="reads 1 features"):
        fixed_points(seen, [0.0, 1.0])
    with pytest.raises(ShapeError, match="no step"):
        fixed_points(capture_layer(nn.LSTM(1, 2), torch.zeros(2, 1, 1), lengths=[0]))
    for option in ({"period": 0}, {"starts": 0}, {"starts": -1}):
        name = next(iter(option))
        with pytest.raises(SettingsError, match=f"{name} is {option[name]}; give 1 or more"):
            fixed_points(seen, **option)
