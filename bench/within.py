"""A layer inside a model, as it is used: between two linear layers of torch's own, on the same threads.

Alone, a layer has every processor for itself. In a model its calls come right after torch's own operations, whose
threads go on spinning for milliseconds. Three models take turns: with torch.nn's layer, with keepgate's on torch's
threads (as it comes), and with keepgate's on threads of its own (KEEPGATE_THREADS=own).
"""

from typing import Any

import torch
from torch import Tensor, nn

import keepgate
from bench.clock import Contender, interleave
from bench.machine import THREADS
from bench.problem import Mode, Problem
from keepgate import _core
from keepgate.kernels.core.openmp_threads import share_torch_threads

OURS, OWN, THEIRS = "keepgate", "keepgate, own threads", "torch.nn"


class Model(nn.Module):
    """Linear, the layer, linear; the layer's weights are the problem's, the linear layers' each time the same."""

    def __init__(self, problem: Problem, layers: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        inputs, hidden = problem.shape.input, problem.shape.hidden
        self.before, self.after = nn.Linear(inputs, inputs), nn.Linear(hidden, hidden)
        self.layer = getattr(layers, problem.cell)(inputs, hidden)
        self.layer.load_state_dict(problem.layer.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.layer(self.before(x))[0])


def row(problem: Problem, mode: Mode, seconds: float) -> dict[str, Any]:
    """The whole model's times, in inference or in a training step; not timed where the models do not agree."""
    models = {name: Model(problem, nn if name == THEIRS else keepgate) for name in (OURS, OWN, THEIRS)}
    with torch.no_grad():
        ours, theirs = (models[name](problem.x_TBI) for name in (OURS, THEIRS))
    apart = float((ours - theirs).abs().max())
    if not apart < 1e-5:
        return {"disagrees": [f"the models' outputs are {apart:.2g} apart"], "times": {}}
    try:
        times = interleave(
            {f"{name}@{max(THREADS)}": _contender(models[name], problem, mode, name) for name in models},
            seconds=seconds,
        )
    finally:
        share_torch_threads()
    return {"disagrees": [], "times": {name: timing.json() for name, timing in times.items()}}


def _contender(model: Model, problem: Problem, mode: Mode, name: str) -> Contender:
    def call() -> None:
        if mode == "inference":
            with torch.no_grad():
                model(problem.x_TBI)
        else:
            model.zero_grad(set_to_none=True)
            model(problem.x_TBI).backward(problem.d_output_TBH)

    def before() -> None:
        _core.borrow_threads(0) if name == OWN else share_torch_threads()

    return Contender(call=call, before=before, threads=max(THREADS))
