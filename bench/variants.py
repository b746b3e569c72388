"""Variants of a layer beside the plain one: layer normalisation, zoneout, recurrent dropout, weight drop."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

import keepgate
from bench.agreement import refusal
from bench.clock import interleave
from bench.contenders import Runner, of_layer
from bench.machine import THREADS
from bench.problem import CellName, Mode, Problem

PLAIN = "plain"
# What each may take in the plain layer's time.
BOUNDS = {"layer_norm": 1.25, "zoneout": 1.1, "recurrent_dropout": 1.1, "weight_drop": 1.1}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    PLAIN: {},
    "layer_norm": {"layer_norm": True},
    "zoneout": {"zoneout": (0.05, 0.5)},
    "recurrent_dropout": {"recurrent_dropout": 0.25},
    "weight_drop": {"weight_drop": 0.5},
}
SEED = 5


def row(problem: Problem, mode: Mode, seconds: float) -> dict[str, Any]:
    """Times on one and all threads; a variant that does not agree with the reference, with its masks, is not timed.

    In inference zoneout and dropouts are the plain layer or nearly so: layer normalisation alone is measured there.
    """
    names = [PLAIN, "layer_norm"] if mode == "inference" else list(OPTIONS)
    contenders, disagrees = {}, []
    for name in names:
        layer = _layer(problem.cell, problem, name)
        run = _seeded if mode == "training" else _plain
        exact = copy.deepcopy(layer).double()
        exact.kernel = "reference"
        truth = of_layer(exact, problem.exact, mode, run)
        runner = of_layer(layer, problem, mode, run)
        truth.call()
        runner.call()
        expected = {key: value.float() for key, value in truth.results().items()}
        if why := refusal(runner, expected, peer=False):
            disagrees.append(f"{name}: {why}")
            continue
        timed: Runner = of_layer(layer, problem, mode, _plain)
        contenders |= {f"{name}@{threads}": timed.contender(threads) for threads in THREADS}
    if disagrees:
        return {"disagrees": disagrees, "times": {}}
    times = interleave(contenders, seconds=seconds)
    return {"disagrees": [], "times": {name: timing.json() for name, timing in times.items()}}


def _layer(cell: CellName, problem: Problem, name: str) -> Any:
    options = dict(OPTIONS[name])
    if name == "zoneout" and cell == "GRU":
        options["zoneout"] = (0.05, 0.0)
    torch.manual_seed(problem.seed)
    return getattr(keepgate, cell)(problem.shape.input, problem.shape.hidden, **options)


def _plain(layer: Any, x: Tensor) -> Tensor:
    output: Tensor = layer(x)[0]
    return output


def _seeded(layer: Any, x: Tensor) -> Tensor:
    torch.manual_seed(SEED)
    return _plain(layer, x)
