"""Derivatives, of every operation and of every cell, against autograd and against finite differences."""

import pytest
import torch

from keepgate.cells import CELLS
from keepgate.cells.normalisation import normalised
from keepgate.equations import (
    derivative,
    evaluate,
    gradients,
    maximum,
    relu,
    row_mean,
    sigmoid,
    symbol,
    topological,
)
from keepgate.errors import CellError
from tests.equations.formulas import FORMULAS, every_triple
from tests.equations.later_cells import LATER

WITH_GRAPH = [cell for cell in (*CELLS, *LATER) if cell.recurrent != "in_step"]
each_cell = pytest.mark.parametrize("cell", WITH_GRAPH, ids=lambda cell: cell.name)


def full(value, like):
    return value if isinstance(value, torch.Tensor) else torch.full_like(like, value)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_each_operation_has_autograds_derivative_and_that_of_finite_differences(formula):
    a, b = torch.randn(2, 200, dtype=torch.float64)
    x, y = symbol("x"), symbol("y")
    ours = [
        full(g, a)
        for g in evaluate(gradients([formula(x, y)], [symbol("up")], [x, y]), {x: a, y: b, symbol("up"): 1.0})
    ]
    a.requires_grad_()
    b.requires_grad_()
    autograd = torch.autograd.grad((formula(a, b) + 0 * a + 0 * b).sum(), [a, b])
    torch.testing.assert_close(ours, list(autograd), rtol=1e-12, atol=1e-12)
    a, b, step = a.detach(), b.detach(), 1e-6
    differences = [
        (formula(a + step, b) - formula(a - step, b)) / (2 * step),
        (formula(a, b + step) - formula(a, b - step)) / (2 * step),
    ]
    torch.testing.assert_close(ours, differences, rtol=1e-5, atol=1e-6)


def means_in_turn(node):
    """How many means lie below a node, one after the other."""
    return max((means_in_turn(argument) for argument in node.args), default=0) + (node.op == "row_mean")


@pytest.mark.parametrize("blocks", [1, 3, 4])
def test_the_derivative_of_a_normalisation_takes_all_its_means_after_that_of_the_values(blocks):
    x = [symbol(f"x_{n}") for n in range(blocks)]
    up = [symbol(f"up_{n}") for n in range(blocks)]
    ours = gradients(normalised(*x), up, x)
    assert max(map(means_in_turn, ours)) == 2
    # Of the values, their squared deviations, the gradients, and these times the deviations; none of the deviations.
    assert sum(node.op == "row_mean" for node in topological(ours)) == 4
    values, upstream = torch.randn(2, blocks, 5, 7, dtype=torch.float64)
    given = dict(zip(x + up, [*values, *upstream], strict=True))
    inputs = values.requires_grad_().unbind()
    autograd = torch.autograd.grad(normalised(*inputs), inputs, upstream.unbind())
    torch.testing.assert_close(evaluate(ours, given), list(autograd), rtol=1e-11, atol=1e-11)


def test_the_derivative_of_a_normalisation_times_a_small_number_has_all_its_terms():
    x, up, small = symbol("x"), symbol("up"), 1e-12
    ours = gradients([normalised(x)[0] * small], [up], [x])
    value, upstream = torch.randn(2, 5, 7, dtype=torch.float64)
    right = torch.autograd.grad(normalised(value.requires_grad_())[0] * small, value, upstream)
    found = evaluate(ours, {x: value.detach(), up: upstream})
    torch.testing.assert_close(found[0] / small, right[0] / small, rtol=1e-9, atol=1e-9)


def test_sums_that_share_their_terms_take_no_time_to_the_power_of_their_depth():
    x, w = symbol("x"), symbol("w")
    value, factor = row_mean(x) + w, row_mean(w)
    for _ in range(60):
        value = value + value * factor
    given = {x: torch.tensor([1.0, 3.0]), w: torch.tensor([0.25, -0.25])}
    assert evaluate(gradients([value], [x], [x]), given)[0].tolist() == [2.0, 2.0]


def test_a_root_that_is_asked_for_gets_its_gradient_and_as_a_constant_passes_none_on():
    value = symbol("value")
    root = value.sqrt()
    given = {value: torch.tensor([4.0])}
    assert evaluate([derivative(1 / root, root)], given)[0].item() == -0.25
    assert evaluate([derivative(1 / root, value)], given)[0].item() == -0.0625
    assert evaluate([derivative(1 / root, value, [root])], given)[0] == 0


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_a_derivative_has_a_derivative(formula):
    a, b = torch.randn(2, 50, dtype=torch.float64)
    x, y = symbol("x"), symbol("y")
    (second,) = evaluate([derivative(derivative(formula(x, y), x), x)], {x: a, y: b})
    a.requires_grad_()
    (first,) = torch.autograd.grad((formula(a, b) + 0 * a).sum(), a, create_graph=True)
    (autograd,) = torch.autograd.grad((first + 0 * a).sum(), a)
    torch.testing.assert_close(full(second, a), autograd, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_of_nan_infinities_zeros_and_ties_each_operation_has_torchs_gradient(formula):
    a, b, upstream = every_triple(torch.float64)
    x, y, up = symbol("x"), symbol("y"), symbol("up")
    ours = evaluate(gradients([formula(x, y)], [up], [x, y]), {x: a, y: b, up: upstream})
    a.requires_grad_()
    b.requires_grad_()
    value = formula(a, b) + torch.zeros(1, dtype=a.dtype, requires_grad=True)
    options = {"allow_unused": True, "materialize_grads": True}
    autograd = torch.autograd.grad(value, [a, b], upstream, **options)
    for found, expected in zip(ours, autograd, strict=True):
        torch.testing.assert_close(full(found, a), expected, rtol=1e-12, atol=1e-12, equal_nan=True)


def test_at_its_corner_each_operation_has_torchs_derivative():
    x, y = symbol("x"), symbol("y")
    zero = torch.zeros(1, dtype=torch.float64)
    for formula in (relu(x), maximum(x, y)):
        ours = evaluate(gradients([formula], [symbol("up")], [x, y]), {x: zero, y: zero, symbol("up"): 1.0})
        a, b = zero.clone().requires_grad_(), zero.clone().requires_grad_()
        (value,) = evaluate([formula], {x: a, y: b})
        expected = torch.autograd.grad(value.sum() + 0 * (a + b).sum(), [a, b])
        assert [float(g) for g in ours] == [float(g) for g in expected]


def test_what_is_held_has_no_derivative_of_its_own():
    x = symbol("x")
    gate = sigmoid(x)
    assert derivative(gate * x, x, constants=[gate]) is gate
    assert derivative(gate * x, x) is not gate


BY_HAND = {
    "(up / y)": lambda x, y: x / y,
    "-(up * y)": lambda x, y: -x * y,
    "-up": lambda x, y: y - x,
    "(up - (up * y))": lambda x, y: x - x * y,
    "((up * y) - up)": lambda x, y: y * x - x,
    "-((up * y) + up)": lambda x, y: y - x - x * y,
    "(up * (y - 3))": lambda x, y: x * y - x * 3,
    "((up / y) + (up * y))": lambda x, y: x * y + x / y,
    "(up * (sigmoid(x) * (1 - sigmoid(x))))": lambda x, _: sigmoid(x),
    "0": lambda _, y: y * y,
}


@pytest.mark.parametrize(("text", "formula"), BY_HAND.items(), ids=BY_HAND)
def test_a_derivative_reads_as_one_would_write_it(text, formula):
    # up stands for the gradient that arrives.
    x, y = symbol("x"), symbol("y")
    assert repr(gradients([formula(x, y)], [symbol("up")], [x])[0]) == text


def values_of(cell, seed=0):
    """Every input of a step, and a gradient for every new state, random; positive where a log needs it."""
    generator = torch.Generator().manual_seed(seed)
    graph = cell.graph
    inputs = {
        name: torch.randn(4, 9, generator=generator, dtype=torch.float64, requires_grad=True)
        for name in graph.inputs
    }
    for name in ("c_prev", "n_prev"):  # an sLSTM's normaliser is positive
        if name in inputs:
            inputs[name] = (inputs[name].detach().abs() + 0.5).requires_grad_()
    upstream = {f"d_{s}": torch.randn(4, 9, generator=generator, dtype=torch.float64) for s in cell.states}
    return inputs, upstream


def given(cell, inputs, upstream):
    graph = cell.graph
    return {
        **{node: inputs[name] for name, node in graph.inputs.items()},
        **{node: upstream[node.name] for node in graph.upstream.values()},
    }


def loss(cell, inputs, upstream):
    graph = cell.graph
    new = evaluate(graph.next.values(), {node: inputs[name] for name, node in graph.inputs.items()})
    return sum((value * upstream[f"d_{state}"]) for state, value in zip(graph.next, new, strict=True))


@each_cell
def test_each_cells_backward_is_autograds(cell):
    inputs, upstream = values_of(cell)
    expected = torch.autograd.grad(
        loss(cell, inputs, upstream).sum() + 0 * sum(v.sum() for v in inputs.values()), list(inputs.values())
    )
    plain = {name: value.detach() for name, value in inputs.items()}
    ours = evaluate(cell.analysis.backward.values(), given(cell, plain, upstream))
    assert list(cell.analysis.backward) == [f"d_{name}" for name in inputs]
    for mine, autograd in zip(ours, expected, strict=True):
        torch.testing.assert_close(full(mine, autograd), autograd, rtol=1e-11, atol=1e-12)


@each_cell
def test_each_cells_backward_is_that_of_finite_differences(cell):
    inputs, upstream = values_of(cell, seed=1)
    inputs = {name: value.detach() for name, value in inputs.items()}
    ours = evaluate(cell.analysis.backward.values(), given(cell, inputs, upstream))
    for name, mine in zip(inputs, ours, strict=True):
        for unit in range(inputs[name].shape[1]):
            step = torch.zeros_like(inputs[name])
            step[:, unit] = 1e-6
            up = loss(cell, {**inputs, name: inputs[name] + step}, upstream)
            down = loss(cell, {**inputs, name: inputs[name] - step}, upstream)
            difference = (up - down).sum(1) / 2e-6
            torch.testing.assert_close(full(mine, inputs[name])[:, unit], difference, rtol=1e-5, atol=1e-7)


def stored(cell, inputs, upstream):
    """What backward is handed: states before and after, what the graph says is kept, vectors, gradients."""
    graph = cell.graph
    values = {node: inputs[name] for name, node in graph.inputs.items()}
    nodes = [
        *cell.analysis.saved.values(),
        *graph.next.values(),
        *graph.previous.values(),
        *graph.vectors.values(),
    ]
    handed = dict(zip(nodes, evaluate(nodes, values), strict=True))
    return handed | {node: upstream[node.name] for node in graph.upstream.values()}


@each_cell
def test_backward_needs_no_more_than_what_is_kept(cell):
    inputs, upstream = values_of(cell)
    inputs = {name: value.detach() for name, value in inputs.items()}
    from_all = evaluate(cell.analysis.backward.values(), given(cell, inputs, upstream))
    from_kept = evaluate(cell.analysis.backward.values(), stored(cell, inputs, upstream))
    for one, other in zip(from_all, from_kept, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@each_cell
def test_backward_needs_all_of_the_raw_inputs_that_are_kept(cell):
    graph = cell.graph
    inputs, upstream = values_of(cell)
    handed = stored(cell, inputs, upstream)
    for name in cell.analysis.saved.keys() & graph.inputs.keys():
        less = {node: value for node, value in handed.items() if node is not graph.inputs[name]}
        with pytest.raises(CellError, match=f"{name} has no value"):
            evaluate(cell.analysis.backward.values(), less)
