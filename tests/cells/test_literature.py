"""The cells of the literature against their papers' equations, written down again in numpy in double precision."""

import numpy as np
import pytest
import torch

from keepgate.nn import Recurrent

STEPS, ROWS, INPUTS, UNITS = 12, 3, 4, 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return np.maximum(a, 0)


def coupled_lstm(a, s, _):
    i, g, o = sigmoid(a("i")), np.tanh(a("g")), sigmoid(a("o"))
    c = (1 - i) * s.get("c", 0) + i * g
    return {"h": o * np.tanh(c), "c": c}


def ct_rnn(a, s, vectors):
    tau = 1 + np.log1p(np.exp(vectors["v"]))
    return {"h": s["h"] + (np.tanh(a("n")) - s["h"]) / tau}


def indrnn(a, _s, _):
    return {"h": relu(a("a"))}


def ligru(a, s, _):
    z = sigmoid(a("z"))
    return {"h": z * s["h"] + (1 - z) * relu(a("n"))}


def minlstm(a, s, _):
    f, i = sigmoid(a("f")), sigmoid(a("i"))
    return {"h": (f * s["h"] + i * a("n")) / (f + i)}


def slstm(a, s, _):
    """Without the stabiliser, which cancels."""
    i, f = np.exp(a("i")), sigmoid(a("f"))
    c = f * s.get("c", 0) + i * np.tanh(a("z"))
    n = f * s.get("n", 0) + i
    return {"h": sigmoid(a("o")) * c / n, "c": c, "n": n}


@pytest.mark.parametrize(
    "step", [coupled_lstm, ct_rnn, indrnn, ligru, minlstm, slstm], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("kernel", ["cpu", "reference"])
def test_a_layer_computes_its_papers_equations(step, kernel):
    torch.manual_seed(0)
    layer = Recurrent(step.__name__, INPUTS, UNITS, dtype=torch.float64, kernel=kernel)
    cell = layer.cell
    weights = {name.removesuffix("_l0"): weight.detach().numpy() for name, weight in layer.named_parameters()}
    vectors = {name: weights[name] for name in cell.vectors}
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    state = {"h": np.zeros((ROWS, UNITS))}
    outputs = []
    for x_t in x.numpy():
        h = state["h"]

        def preactivation(gate, x_t=x_t, h=h):
            rows = slice(cell.gates.index(gate) * UNITS, (cell.gates.index(gate) + 1) * UNITS)
            total = x_t @ weights["weight_ih"][rows].T + weights["bias_ih"][rows]
            if cell.recurrent == "dense":
                total = total + h @ weights["weight_hh"][rows].T + weights["bias_hh"][rows]
            elif cell.recurrent == "diagonal":
                total = total + h * weights["weight_hh"][rows] + weights["bias_hh"][rows]
            return total

        state = step(preactivation, state, vectors)
        outputs.append(state["h"])
    assert np.allclose(layer(x)[0].detach().numpy(), np.stack(outputs), rtol=1e-9, atol=1e-12)
