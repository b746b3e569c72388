"""Cells against packages from outside that have the same ones, by what `record_outside` recorded of them."""

import json

import pytest
import torch

from keepgate import cells
from keepgate.nn import Recurrent
from tests.kernels.user_cells import atr, janet, ran

from .record_outside import RECORDED

CASES = {case["cell"]: case for case in json.loads(RECORDED.read_text(encoding="utf-8"))}
OURS = {
    "sLSTMCell": cells.slstm,
    "PeepholeLSTMCell": cells.peephole,
    "LiGRUCell": cells.ligru,
    "IndRNNCell": cells.indrnn,
    "JANETCell": janet,
    "RANCell": ran,
    "ATRCell": atr,
}


def ours(name, theirs):
    """Their weights by our names."""
    weights = {f"{key}_l0": value for key, value in theirs.items()}
    if name == "sLSTMCell":
        none = torch.zeros_like(theirs["b"])
        weights = {
            "weight_ih": theirs["W"],
            "weight_hh": theirs["R"][0],
            "bias_ih": theirs["b"],
            "bias_hh": none,
        }
        return {f"{key}_l0": value for key, value in weights.items()}
    if name == "PeepholeLSTMCell":
        peepholes = weights.pop("weight_ph_l0").chunk(3)
        return weights | dict(zip(("p_i_l0", "p_f_l0", "p_o_l0"), peepholes, strict=True))
    if name == "IndRNNCell":
        return weights | {"weight_hh_l0": weights.pop("vector_u_l0")}
    if name == "RANCell":  # the content comes first, and has neither a bias nor a recurrent product
        content, i, f = weights["weight_ih_l0"].chunk(3)
        none = {
            key: torch.zeros_like(value[: len(i)]) for key, value in weights.items() if key != "weight_ih_l0"
        }
        padded = {key: torch.cat([weights[key], value]) for key, value in none.items()}
        return padded | {"weight_ih_l0": torch.cat([i, f, content])}
    return weights


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kernel", ["cpu", "reference"])
def test_a_layer_gives_the_packages_numbers(name, kernel):
    recorded = CASES[name]
    weights = {key: torch.tensor(value, dtype=torch.float64) for key, value in recorded["weights"].items()}
    x, output = (torch.tensor(recorded[key], dtype=torch.float64) for key in ("x", "output"))
    layer = Recurrent(OURS[name], x.shape[-1], output.shape[-1], kernel=kernel, dtype=torch.float64)
    layer.load_state_dict(ours(name, weights))
    torch.testing.assert_close(layer(x)[0], output, rtol=1e-9, atol=1e-12)
    if name == "sLSTMCell":
        # Theirs begins with m = a_i, ours with the larger of log sigmoid(a_f) and a_i, as the paper: m cancels.
        trace = layer.trace(x).layer(0)
        for state in ("c", "n"):
            theirs, m = (torch.tensor(recorded[key], dtype=torch.float64) for key in (state, "m"))
            torch.testing.assert_close(
                trace[state] * trace["m"].exp(), theirs * m.exp(), rtol=1e-9, atol=1e-12
            )
