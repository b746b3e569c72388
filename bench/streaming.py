"""One step of a stream, as Python calls it: keepgate's stepper, torch.nn, ONNX Runtime. Median and 99th percentile."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.clock import quantile, wait_until_quiet
from bench.contenders import CELL_OF, onnx_session, ours, theirs
from bench.machine import THREADS
from bench.problem import CellName, Problem, Shape

Step = Callable[[Any], Any]
ROUNDS, CALLS = 20, 150


def row(cell: CellName, hidden: int) -> dict[str, Any]:
    """Seconds of one step of batch 1 for each way to take it; `missing` says which could not be taken, and why."""
    problem = Problem(cell=cell, shape=Shape(20, 1, hidden, hidden))
    steps: dict[str, tuple[int, Step, Any]] = {}
    missing: dict[str, str] = {}
    for name, (threads, build) in _ways().items():
        try:
            step, x_T = build(problem, threads)
        except (ImportError, AttributeError) as error:
            missing[name] = str(error)
            continue
        _expect_the_layers_output(name, step, x_T, problem)
        steps[name] = threads, step, x_T[0]
    times = _times(steps)
    return {
        "cell": cell, "hidden": hidden, "missing": missing,
        "times": {
            name: {"median": float(f"{quantile(each, 0.5):.4g}"), "p99": float(f"{quantile(each, 0.99):.4g}")}
            for name, each in times.items()
        },
    }  # fmt: skip


def _ways() -> dict[str, tuple[int, Callable[[Problem, int], tuple[Step, Any]]]]:
    ways: dict[str, tuple[int, Callable[[Problem, int], tuple[Step, Any]]]] = {
        "keepgate numpy@1": (1, lambda problem, _: _stepper(problem, problem.x_TBI.numpy())),
        "keepgate torch@1": (1, lambda problem, _: _stepper(problem, problem.x_TBI)),
        f"keepgate numpy@{max(THREADS)}": (
            max(THREADS), lambda problem, _: _stepper(problem, problem.x_TBI.numpy())
        ),
        "torch.nn cell@1": (1, lambda problem, _: _torch_cell(problem)),
    }  # fmt: skip
    for threads in THREADS:
        ways[f"torch.nn@{threads}"] = (threads, lambda problem, _: _torch_layer(problem))
        ways[f"onnxruntime@{threads}"] = (threads, _onnx)
    return ways


def _times(steps: Mapping[str, tuple[int, Step, Any]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, (threads, step, x) in steps.items():
            wait_until_quiet()
            torch.set_num_threads(threads)
            for _ in range(20):
                step(x)
            for _ in range(CALLS):
                started = time.perf_counter_ns()
                step(x)
                found[name].append((time.perf_counter_ns() - started) * 1e-9)
    return found


def _expect_the_layers_output(name: str, step: Step, x_T: Any, problem: Problem) -> None:
    """Refuses to time a stream that says something else than the layer over the whole sequence."""
    with torch.no_grad():
        expected = ours(problem.exact, kernel="reference")(problem.exact.x_TBI)[0]
    for t, x in enumerate(x_T):
        found = torch.as_tensor(step(x)).reshape(expected[t].shape)
        error = float((found - expected[t]).abs().max())
        if not error <= 3e-6:
            raise AssertionError(f"{name}, {problem.cell}: step {t} is off by {error:.1e}; nothing is timed")


def _stepper(problem: Problem, x_TBI: Any) -> tuple[Step, Any]:
    return ours(problem).stepper(batch=1).step, x_TBI


def _torch_layer(problem: Problem) -> tuple[Step, Any]:
    layer, state = theirs(problem).eval(), None

    @torch.inference_mode()
    def step(x: Any) -> Any:
        nonlocal state
        output, state = layer(x, state)
        return output

    return step, [x.unsqueeze(0) for x in problem.x_TBI]


def _torch_cell(problem: Problem) -> tuple[Step, Any]:
    cell = getattr(nn, f"{problem.cell}Cell")(problem.shape.input, problem.shape.hidden)
    cell.load_state_dict(problem.weights)
    state = None

    @torch.inference_mode()
    def step(x: Any) -> Any:
        nonlocal state
        state = cell(x, state)
        return state[0] if problem.cell == "LSTM" else state

    return step, problem.x_TBI


def _onnx(problem: Problem, threads: int) -> tuple[Step, Any]:
    session = onnx_session(problem, threads=threads, steps=True)
    names = [f"initial_{name}" for name in CELL_OF[problem.cell].states]
    feed = {name: np.zeros((1, 1, problem.shape.hidden), np.float32) for name in names}

    def step(x: Any) -> Any:
        feed["X"] = x
        output, *states = session.run(None, feed)
        feed.update(zip(names, states, strict=True))
        return output

    return step, [x[None] for x in problem.x_TBI.numpy()]
