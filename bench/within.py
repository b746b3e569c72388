"""A layer inside a model, as it is used: between two linear layers of torch's own, on the same threads.

    python bench/within.py [--seconds 4] [--out bench/results/within-MACHINE.json]

Alone, a layer has every processor for itself. In a model its calls come right after torch's own operations, whose
threads go on spinning for milliseconds. Three models take turns: with torch.nn's layer, with keepgate's on torch's
threads (as it comes), and with keepgate's on threads of its own (KEEPGATE_THREADS=own). Median times of a whole call
of the model, in inference and in a training step.
"""

import argparse
import json
from pathlib import Path

import torch
from clock import Contender, interleave
from machine import machine
from problem import MODES, Mode, Problem, Shape
from torch import Tensor, nn

import keepgate
from keepgate import _core
from keepgate.kernels.threads import lend

CELLS = ("LSTM", "GRU")
SHAPES = ("100,1,128,128", "100,8,128,128", "100,32,128,128", "100,32,256,256")
OURS, OWN, THEIRS = "keepgate", "keepgate, threads of its own", "torch.nn"


class Model(nn.Module):
    """Linear, the layer, linear; the layer's weights are the problem's."""

    def __init__(self, problem: Problem, layers: object) -> None:
        super().__init__()
        sizes = problem.shape.input, problem.shape.hidden
        self.before, self.after = nn.Linear(sizes[0], sizes[0]), nn.Linear(sizes[1], sizes[1])
        self.layer = getattr(layers, problem.cell)(*sizes)
        self.layer.load_state_dict(problem.layer.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.layer(self.before(x))[0])


def contender(problem: Problem, mode: Mode, name: str) -> Contender:
    model = Model(problem, nn if name == THEIRS else keepgate)

    def call() -> None:
        if mode == "inference":
            with torch.no_grad():
                model(problem.x_TBI)
        else:
            model.zero_grad(set_to_none=True)
            model(problem.x_TBI).backward(problem.d_output_TBH)

    def before() -> None:
        _core.borrow_threads(0) if name == OWN else lend()

    return Contender(call=call, before=before, threads=torch.get_num_threads())


def row(cell: str, shape: str, mode: Mode, seconds: float) -> dict[str, object]:
    problem = Problem(cell=cell, shape=Shape.of(shape))
    times = interleave(
        {name: contender(problem, mode, name) for name in (THEIRS, OURS, OWN)}, seconds=seconds, most=15
    )
    lend()
    return {
        "cell": cell, "shape": shape, "mode": mode, "times": {name: one.json() for name, one in times.items()},
        "faster": {name: round(times[THEIRS].median / times[name].median, 2) for name in (OURS, OWN)},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4, help="for each row")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = []
    print(f"{'times faster than torch.nn':<36}{OURS:>10}{OWN:>32}")
    for cell in CELLS:
        for shape in SHAPES:
            for mode in MODES:
                rows.append(row(cell, shape, mode, given.seconds))
                faster = rows[-1]["faster"]
                print(
                    f"{cell + ' ' + shape + ', ' + mode:<36}{faster[OURS]:>10.2f}{faster[OWN]:>32.2f}",
                    flush=True,
                )
    if given.out:
        given.out.write_text(
            json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
