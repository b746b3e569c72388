"""Tensors and symbols agree; a graph is what was written; nothing is left behind."""

import subprocess
import sys
import weakref

import pytest
import torch

from keepgate.equations import (
    const,
    evaluate,
    greater,
    maximum,
    minimum,
    relu,
    sigmoid,
    step_of,
    symbol,
    tanh,
    topological,
    where,
)
from keepgate.errors import CellError
from tests.equations.formulas import FORMULAS


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_symbols_compute_the_very_bits_that_tensors_do(formula, dtype):
    a, b = torch.randn(2, 5, 7, dtype=dtype)
    a[0, 0], b[0, 0], a[0, 1], b[0, 1] = 0.0, 0.0, -0.0, 0.0
    x, y = symbol("x"), symbol("y")
    (computed,) = evaluate([formula(x, y)], {x: a, y: b})
    # As bytes: 0.0 and -0.0 differ, NaN is equal to itself.
    assert computed.dtype == dtype
    assert computed.numpy().tobytes() == formula(a, b).numpy().tobytes()


def test_the_functions_are_the_known_ones():
    x = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(sigmoid(x), 1 / (1 + (-x).exp()))
    torch.testing.assert_close(tanh(x), (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()))
    assert relu(x).tolist() == [0, 0, 3]
    assert step_of(x).tolist() == [0, 0, 1]
    assert maximum(x, -x).tolist() == [2, 0, 3]


def test_equal_expressions_are_the_same_node():
    x, y = symbol("x"), symbol("y")
    assert sigmoid(x + y) is sigmoid(x + y)
    assert x + y is not y + x
    assert const(1) is const(1.0)
    assert const(0.0) is not const(-0.0)


def test_a_graph_that_nobody_holds_is_gone():
    node = symbol("x") * 7.25 + symbol("y")
    watch = [weakref.ref(part) for part in topological([node])]
    del node
    assert [part() for part in watch] == [None] * len(watch)


def test_a_node_given_a_value_is_not_computed():
    x = symbol("x")
    gate = sigmoid(x)
    assert evaluate([gate * 2], {gate: torch.tensor(0.25)})[0] == 0.5


def test_a_value_that_is_missing_is_named():
    x, y = symbol("x"), symbol("y")
    with pytest.raises(CellError, match="y has no value"):
        evaluate([x + y], {x: 1.0})


def test_ten_thousand_operations_in_a_row_are_no_trouble():
    x = node = symbol("x")
    for _ in range(10_000):
        node = node + 1
    assert evaluate([node], {x: 0.0}) == [10_000]


def test_a_branch_on_a_value_is_refused():
    with pytest.raises(CellError, match="choose without branching"):
        bool(symbol("x"))


@pytest.mark.parametrize("function", [maximum, minimum, greater])
def test_a_number_may_be_one_of_two(function):
    x, numbers = symbol("x"), torch.tensor([-1.0, 0.5, 2.0, float("nan")])
    for made, expected in (
        (function(x, 0.5), function(numbers, torch.full((4,), 0.5))),
        (function(0.5, x), function(torch.full((4,), 0.5), numbers)),
    ):
        (found,) = evaluate([made], {x: numbers})
        assert torch.equal(found, expected) or torch.equal(found.isnan(), expected.isnan())


def test_a_condition_chooses_between_values_and_numbers():
    x, numbers = symbol("x"), torch.tensor([-1.0, 0.0, 2.0])
    (found,) = evaluate([where(greater(x, 0), x, 7.0)], {x: numbers})
    assert found.tolist() == [7.0, 7.0, 2.0]
    assert where(greater(numbers, 0), 1.0, numbers).tolist() == [-1.0, 0.0, 1.0]
    (found,) = evaluate([where(x, -1, 1)], {x: numbers})
    assert found.tolist() == [-1.0, 1.0, -1.0]


def test_a_comparison_by_a_sign_is_refused_with_what_to_write():
    for compare in (lambda x: x > 0, lambda x: x <= 1.0, lambda x: x < x):
        with pytest.raises(CellError, match="greater"):
            compare(symbol("x"))


def test_an_expression_reads_like_its_formula():
    x, y = symbol("x"), symbol("y")
    assert repr((1 - sigmoid(x)) * -y) == "((1 - sigmoid(x)) * -y)"


def test_cells_and_their_language_load_without_torch():
    code = "import sys, keepgate.equations, keepgate.cells; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
