"""The cells that torch has give torch's numbers, forward and backward, with torch's own parameters."""

import pytest
import torch

from keepgate.cells import gru, gru_reset_before, lstm, rnn_relu, rnn_tanh
from tests.cells.one_step import one_step

TORCH = [
    (rnn_tanh, lambda i, h: torch.nn.RNNCell(i, h, nonlinearity="tanh", dtype=torch.float64)),
    (rnn_relu, lambda i, h: torch.nn.RNNCell(i, h, nonlinearity="relu", dtype=torch.float64)),
    (lstm, lambda i, h: torch.nn.LSTMCell(i, h, dtype=torch.float64)),
    (gru, lambda i, h: torch.nn.GRUCell(i, h, dtype=torch.float64)),
]


@pytest.mark.parametrize(("cell", "build"), TORCH, ids=lambda v: getattr(v, "name", ""))
@pytest.mark.parametrize(("batch", "input_size", "hidden_size"), [(1, 1, 1), (5, 3, 7)])
def test_a_step_is_torchs_step(cell, build, batch, input_size, hidden_size):
    theirs = build(input_size, hidden_size)
    x = torch.randn(batch, input_size, dtype=torch.float64, requires_grad=True)
    states = {
        s: torch.randn(batch, hidden_size, dtype=torch.float64, requires_grad=True) for s in cell.states
    }
    leaves = [x, *states.values(), *theirs.parameters()]

    expected = theirs(x, tuple(states.values()) if len(states) > 1 else states["h"])
    expected = expected if isinstance(expected, tuple) else (expected,)
    step = one_step(cell, x, states, **dict(theirs.named_parameters()))
    ours = tuple(step[s] for s in cell.states)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-13)

    upstream = [torch.randn_like(value) for value in expected]
    torch.testing.assert_close(
        torch.autograd.grad(ours, leaves, upstream),
        torch.autograd.grad(expected, leaves, upstream),
        rtol=1e-11,
        atol=1e-12,
    )


def weights(hidden_size, input_size, gates):
    shapes = {
        "weight_ih": (gates * hidden_size, input_size),
        "weight_hh": (gates * hidden_size, hidden_size),
        "bias_ih": (gates * hidden_size,),
        "bias_hh": (gates * hidden_size,),
    }
    return {name: torch.randn(shape, dtype=torch.float64) / 2 for name, shape in shapes.items()}


def test_gru_reset_before_is_its_papers_formula_row_by_row():
    hidden, inputs = 4, 3
    w = weights(hidden, inputs, gates=3)
    x, h = torch.randn(inputs, dtype=torch.float64), torch.randn(hidden, dtype=torch.float64)

    def row(j, v):
        return w["weight_ih"][j] @ x + w["bias_ih"][j] + w["weight_hh"][j] @ v + w["bias_hh"][j]

    r = [1 / (1 + torch.exp(-row(j, h))) for j in range(hidden)]
    z = [1 / (1 + torch.exp(-row(hidden + j, h))) for j in range(hidden)]
    reset = torch.stack([r[j] * h[j] for j in range(hidden)])
    candidate = [1 - 2 / (1 + torch.exp(2 * row(2 * hidden + j, reset))) for j in range(hidden)]
    expected = torch.stack([z[j] * h[j] + (1 - z[j]) * candidate[j] for j in range(hidden)])

    step = one_step(gru_reset_before, x[None], {"h": h[None]}, **w)
    torch.testing.assert_close(step["h"][0], expected, rtol=1e-12, atol=1e-13)


def test_the_two_grus_differ_only_when_something_is_reset():
    w = weights(4, 3, gates=3)
    w["bias_hh"][8:] = 0
    x, h = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    assert not torch.allclose(
        one_step(gru, x, {"h": h}, **w)["h"], one_step(gru_reset_before, x, {"h": h}, **w)["h"]
    )
    w["bias_ih"][:4] = 1000  # r = 1 in every unit
    torch.testing.assert_close(one_step(gru, x, {"h": h}, **w), one_step(gru_reset_before, x, {"h": h}, **w))
