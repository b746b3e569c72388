"""The functions of a step on the core: their errors in units in the last place, and what they make of extremes."""

import math

import numpy as np
import pytest
import torch

from keepgate.equations import Cell, Named, Step, cell, exp, log, sigmoid, softplus, sqrt, tanh
from keepgate.kernels import Call, run
from tests.kernels.test_instruction_sets import OTHERS, passes

INFINITY = math.inf


def cell_of(function) -> Cell:
    """h = function(x)."""

    def step(wx: Named, uh: Named, s: Named) -> Step:
        return Step(h=function(wx.a))

    return cell(gates="a", recurrent="none")(step)


CELLS = {function.__name__: cell_of(function) for function in (exp, log, sigmoid, softplus, sqrt, tanh)}
CELLS["abs"] = cell_of(abs)

# The truth in long double, and the most units in the last place that a result may be away from it, in float32 and in
# float64: what a million numbers came to on AVX-512, AVX2 and baseline, rounded up.
TRUTHS = {
    "exp": (np.exp, 1.2, 1.2),
    "log": (np.log, 0.85, 0.85),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 3.2, 2.3),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 2, 2),
    "sqrt": (np.sqrt, 0.5, 0.5),
    "tanh": (np.tanh, 6.5, 3.2),
    "abs": (np.abs, 0, 0),
}


def on_the_core(name: str, numbers: torch.Tensor) -> torch.Tensor:
    one = torch.ones(1, 1, dtype=numbers.dtype)
    call = Call(
        cell=CELLS[name], x=numbers.reshape(1, -1, 1), states=(torch.zeros_like(numbers).reshape(-1, 1),),
        weight_ih=one, weight_hh=None,
    )  # fmt: skip
    return run(call, "cpu").output.flatten()


def drawn(name: str, dtype: torch.dtype, count: int) -> torch.Tensor:
    """Numbers of every size, where the function neither overflows nor underflows."""
    generator = torch.Generator().manual_seed(count)
    most = {torch.float32: 80.0, torch.float64: 690.0}[dtype]
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    sizes = torch.exp(torch.empty_like(uniform).uniform_(-12, math.log(most), generator=generator))
    numbers = torch.where(uniform < 0.5, -sizes, sizes)
    return (numbers.abs() if name in ("log", "sqrt") else numbers).to(dtype)


def ulps(name: str, numbers: torch.Tensor) -> float:
    truth = TRUTHS[name][0](numbers.numpy().astype(np.longdouble))
    found = on_the_core(name, numbers).numpy()
    last_place = np.spacing(np.abs(truth).astype(found.dtype)).astype(np.longdouble)
    return float(np.max(np.abs(found.astype(np.longdouble) - truth) / last_place))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", TRUTHS)
def test_errors_in_units_in_the_last_place(name, dtype):
    bound = TRUTHS[name][1 if dtype is torch.float32 else 2]
    assert ulps(name, drawn(name, dtype, 40_000)) <= bound


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("exp", [INFINITY, -INFINITY, 0.0, 1e4, -1e4], [INFINITY, 0.0, 1.0, INFINITY, 0.0]),
        ("log", [INFINITY, 1.0, 0.0, -0.0, -1.0], [INFINITY, 0.0, -INFINITY, -INFINITY, math.nan]),
        ("softplus", [INFINITY, -INFINITY, 1e4, -1e4], [INFINITY, 0.0, 1e4, 0.0]),
        ("sqrt", [INFINITY, 0.0, 4.0, -1.0], [INFINITY, 0.0, 2.0, math.nan]),
        ("abs", [-INFINITY, -0.0, -3.0], [INFINITY, 0.0, 3.0]),
    ],
)
def test_extremes(name, numbers, expected, dtype):
    found = on_the_core(name, torch.tensor([*numbers, math.nan], dtype=dtype))
    torch.testing.assert_close(
        found, torch.tensor([*expected, math.nan], dtype=dtype), equal_nan=True, rtol=0, atol=0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_smallest_numbers(dtype):
    smallest = torch.finfo(dtype).smallest_normal
    numbers = torch.tensor([smallest, smallest / 2**10, smallest / 2**20], dtype=dtype)
    torch.testing.assert_close(
        on_the_core("log", numbers), numbers.double().log().to(dtype), rtol=1e-6, atol=0
    )
    logs = numbers.double().log().to(dtype)
    torch.testing.assert_close(on_the_core("exp", logs), logs.exp(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("isa", OTHERS)
def test_a_lower_set_has_the_same_errors_and_random_cells_agree_on_it(isa):
    tests = [
        "test_functions.py::test_errors_in_units_in_the_last_place",
        "test_functions.py::test_extremes",
        "test_functions.py::test_the_smallest_numbers",
        "test_user_cells.py::test_random_cells_agree_with_the_reference",
    ]
    passes(tests, isa)
