"""Statements and expressions: the text computes what the graph does, and each shared part once."""

import math
import operator
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepgate.emit.expression import write
from keepgate.emit.statements import Names, statements
from keepgate.equations import (
    Expr,
    const,
    exp,
    log,
    maximum,
    relu,
    sigmoid,
    step_of,
    symbol,
    tanh,
)
from keepgate.equations.expr import make

A, B, C, D = map(symbol, "abcd")
LETTERS = {node: str(node.name) for node in (A, B, C, D)}

WRITTEN = {
    "a + b - c": A + B - C,
    "a - (b + c)": A - (B + C),
    "a - (b - c)": A - (B - C),
    "a + (b - c)": A + (B - C),
    "a * b * c": A * B * C,
    "a * (b * c)": A * (B * C),
    "a / (b / c)": A / (B / C),
    "a / (b * c)": A / (B * C),
    "a / b * c": A / B * C,
    "(a + b) * (1 - c)": (A + B) * (1 - C),
    "fma(a, b, c)": A * B + C,
    "fma(b, c, a)": A + B * C,
    "fma(a, b, c * d)": A * B + C * D,
    "fms(a, b, c)": A * B - C,
    "fnma(b, c, a)": A - B * C,
    "fms(a, b, c * d)": A * B - C * D,
    "fma(a * b, c, d)": A * B * C + D,
    "fma(a, b, c) / d": (A * B + C) / D,
    "-a * b": -A * B,
    "-(a * b)": -(A * B),
    "-(a + b)": -(A + B),
    "-fma(a, b, c)": -(A * B + C),
    "a + b": A - -B,
    "tanh(a - b)": tanh(A - B),
    "maximum(a, exp(b))": maximum(A, exp(B)),
    "0.5 * a": 0.5 * A,
    "2 - a": 2 - A,
    "a * -2": A * -2,
    "a * -0.0": A * -0.0,
    "a - 1e-08": A - 1e-8,
    "a / 3000000000.0": A / 3e9,
}


@pytest.mark.parametrize(("text", "node"), WRITTEN.items(), ids=WRITTEN)
def test_an_expression_is_written_with_no_bracket_too_many_and_none_too_few(text, node):
    assert write(node, LETTERS) == text


SAYS = {
    "fma": lambda a, b, c: a * b + c,
    "fms": lambda a, b, c: a * b - c,
    "fnma": lambda a, b, c: c - a * b,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "tanh": math.tanh,
    "relu": lambda a: max(a, 0.0),
    "maximum": max,
}
COMPUTES = SAYS | {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg}


graphs = st.recursive(
    st.sampled_from([A, B, C, D, const(2), const(-0.25)]),
    lambda inner: st.one_of(
        st.builds(make, st.sampled_from(["add", "sub", "mul", "maximum"]), inner, inner),
        st.builds(make, st.sampled_from(["neg", "tanh", "sigmoid", "relu"]), inner),
    ),
    max_leaves=25,
)
VALUES = {A: 0.7, B: -1.3, C: 0.2, D: 2.1}


def value_of(node: Expr) -> float:
    """What a graph computes, node by node."""
    if node.op == "const":
        return node.value
    return VALUES[node] if node.op == "symbol" else COMPUTES[node.op](*map(value_of, node.args))


@given(st.lists(graphs, min_size=1, max_size=4), st.lists(graphs, max_size=3))
def test_statements_compute_what_the_graph_does(nodes, always):
    # What is written for C++ is Python too.
    results = {f"out[{k}]": node for k, node in enumerate(nodes)}
    known = {LETTERS[node]: value for node, value in VALUES.items()}
    out = [math.nan] * len(nodes)
    lines = list(
        statements(results, inputs=LETTERS, called={}, always=set(always), names=Names("abcd"), write=write)
    )
    for line in lines:
        value = eval(line.text, {}, SAYS | known)
        if line.new:
            assert line.target not in known
            known[line.target] = value
        else:
            out[int(line.target[4:-1])] = value
    assert out == pytest.approx([value_of(node) for node in nodes], rel=1e-9, abs=1e-9)


def lines(results: Mapping[str, Expr], **options) -> list[str]:
    options = {"inputs": LETTERS, "called": {}, "names": Names("abcd"), "write": write} | options
    return [f"{line.target} = {line.text}" for line in statements(results, **options)]


def test_a_part_that_is_needed_twice_is_computed_once_and_called_by_its_name():
    shared = A + B
    results = {"x": shared * C, "y": shared / D}
    assert lines(results) == ["t1 = a + b", "x = t1 * c", "y = t1 / d"]
    assert lines(results, called={shared: "s"}) == ["s = a + b", "x = s * c", "y = s / d"]


def test_a_function_of_something_named_is_called_after_both():
    assert lines({"x": tanh(A) * tanh(A)}) == ["tanh_a = tanh(a)", "x = tanh_a * tanh_a"]


def test_a_shared_product_is_not_fused_into_two_sums():
    product = A * B
    assert lines({"x": product + C, "y": product - D}) == ["t1 = a * b", "x = t1 + c", "y = t1 - d"]


def test_what_reads_better_written_out_gets_no_line():
    assert lines({"x": (1 - A) * B, "y": (1 - A) * C}) == ["x = (1 - a) * b", "y = (1 - a) * c"]
    assert lines({"x": -A * B, "y": -A / C}) == ["x = -a * b", "y = -a / c"]


def test_what_the_cell_names_gets_a_line_though_it_is_needed_once():
    inner = A + B
    assert lines({"x": tanh(inner)}, always={inner}, called={inner: "inner"}) == [
        "inner = a + b",
        "x = tanh(inner)",
    ]
    assert lines({"x": inner}, always={inner}, called={inner: "inner"}) == ["x = a + b"]


def test_two_results_may_be_one_value_and_a_given_one():
    assert lines({"x": A + B, "y": A + B, "z": C}, called={A + B: "s"}) == [
        "s = a + b",
        "x = s",
        "y = s",
        "z = c",
    ]


def test_nothing_below_the_inputs_is_computed():
    gate = sigmoid(A)
    assert lines({"x": gate * (1 - gate)}, inputs={gate: "f"}) == ["x = f * (1 - f)"]


def test_a_name_that_is_taken_gains_an_underscore():
    names = Names(["new", "t1"])
    assert [names.new("new"), names.new("new"), names.new("c"), names.numbered("t")] == [
        "new_",
        "new__",
        "c",
        "t2",
    ]


@pytest.mark.parametrize("unused", [log, relu, step_of])
def test_every_function_is_called_by_its_own_name(unused):
    assert write(unused(A + B), LETTERS) == f"{unused.__name__}(a + b)"
