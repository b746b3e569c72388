"""Nothing is timed that does not compute the same: every contender against the reference run in float64."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from bench.contenders import Runner, of_layer, ours
from bench.problem import Mode, Problem
from tests.oracles import agrees

# What a peer may be off by. It is no promise of ours, only a sign that its weights were laid out as meant.
PEERS = 1e-3


def truth(problem: Problem, mode: Mode, *, ragged: bool = False) -> dict[str, Tensor]:
    """Output and gradients by keepgate's reference kernel in float64, rounded to float32."""
    lengths = problem.lengths if ragged else None
    layer = ours(problem.exact, kernel="reference")
    runner = rounded(of_layer(layer, problem.exact, mode, lambda layer, x: layer(x, lengths=lengths)[0]))
    runner.call()
    return runner.results()


def rounded(runner: Runner) -> Runner:
    """The same runner, whose results are rounded to float32."""
    return replace(
        runner, results=lambda: {name: tensor.float() for name, tensor in runner.results().items()}
    )


def errors(runner: Runner, expected: Mapping[str, Tensor]) -> dict[str, float]:
    """The largest error of the output, and of any gradient, relative to the largest value where that exceeds 1.

    The runner must have run once since its weights were set.
    """
    found = runner.results()
    if missing := expected.keys() - found.keys():
        raise AssertionError(f"no {', '.join(sorted(missing))}; found {', '.join(sorted(found))}")
    off = {name: _off(found[name], tensor) for name, tensor in expected.items()}
    gradients = [error for name, error in off.items() if name != "output"]
    return {"output": off["output"]} | ({"gradients": max(gradients)} if gradients else {})


def refusal(runner: Runner, expected: Mapping[str, Tensor], *, peer: bool) -> str | None:
    """Why the runner's results are not the expected ones; None if they are, to the tests' tolerance."""
    found = runner.results()
    for name, tensor in expected.items():
        if peer:
            off = _off(found[name], tensor)
            if not off <= PEERS:
                return f"{name} is off by {off:.1e} where {PEERS:.0e} is allowed"
            continue
        try:
            agrees(found[name], tensor, "value" if name == "output" else "gradient")
        except AssertionError as error:
            return f"{name}: {error}"
    return None


def _off(found: Tensor, expected: Tensor) -> float:
    if found.shape != expected.shape:
        return float("inf")
    scale = max(float(expected.abs().max()), 1.0)
    return float((found.double() - expected.double()).abs().max()) / scale
