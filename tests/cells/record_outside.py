"""Records cells of packages from outside with their outputs: python -m tests.cells.record_outside, beside the packages.

xlstm 2.0.6 (Apache 2.0; its authors' own sLSTM) and torchrecurrent 0.2.5 (MIT). Neither is needed to run the tests,
which compare with what was recorded. Of torchrecurrent's cells these have the equations of ours; its MGU has not: that
one resets h_{t-1} and not its product, and an open f writes, as in the paper, where our `mgu` is Flax's.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

RECORDED = Path(__file__).parent / "outside_recorded.json"
STEPS, ROWS, INPUTS, UNITS = 6, 2, 3, 4
# Names of theirs, and what makes the equations ours.
TORCHRECURRENT = {
    "PeepholeLSTMCell": {},
    "LiGRUCell": {},
    "IndRNNCell": {"nonlinearity": "relu"},
    "JANETCell": {},
    "RANCell": {},
    "ATRCell": {},
}


def random_input() -> Tensor:
    """An input [time, batch, features]."""
    return torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)


def torchrecurrent_case(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """One of its cells with drawn weights, an input, and h at every step for it."""
    import torchrecurrent

    cell = getattr(torchrecurrent, name)(INPUTS, UNITS, dtype=torch.float64, **options)
    weights = {
        key: torch.nn.init.uniform_(value.detach(), -0.9, 0.9)
        for key, value in cell.named_parameters()
        if key != "beta"  # JANET's shift, which they learn: it stays the paper's 1
    }
    x, state, outputs = random_input(), None, []
    for x_t in x:
        state = cell(x_t, state)
        outputs.append(state if isinstance(state, Tensor) else state[0])
    return {"cell": name, "weights": weights, "x": x, "output": torch.stack(outputs).detach()}


def xlstm_case() -> dict[str, Any]:
    """The sLSTM of one head with drawn weights, an input, and h, c, n and m at every step for it."""
    from xlstm.blocks.slstm.src.vanilla import slstm_forward
    from xlstm.blocks.slstm.src.vanilla.slstm import slstm_forward_pointwise

    shapes = {
        "W": (4 * UNITS, INPUTS), "R": (1, 4 * UNITS, UNITS), "b": (4 * UNITS,),
    }  # fmt: skip
    weights = {
        key: torch.empty(shape, dtype=torch.float64).uniform_(-0.9, 0.9) for key, shape in shapes.items()
    }
    x, zeros = random_input(), torch.zeros(4, ROWS, UNITS, dtype=torch.float64)
    states, *_ = slstm_forward(x @ weights["W"].T, zeros, weights["R"], weights["b"], slstm_forward_pointwise)
    h, c, n, m = states[:, 1:]
    return {"cell": "sLSTMCell", "weights": weights, "x": x, "output": h, "c": c, "n": n, "m": m}


def main() -> None:
    """Writes a case of each cell."""
    torch.manual_seed(0)
    cases = {"xlstm": [xlstm_case()]}
    cases["torchrecurrent"] = [torchrecurrent_case(*cell) for cell in TORCHRECURRENT.items()]
    recorded = [
        {"package": package, "version": version(package), **case}
        for package in cases
        for case in cases[package]
    ]
    RECORDED.write_text(json.dumps(recorded, default=lambda tensor: tensor.tolist()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
