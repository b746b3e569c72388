"""Which states are carried, and by what, is found in the equations as a person would read it there."""

import pytest
import torch

from keepgate.cells import CELLS, by_name
from keepgate.equations import Named, Step, cell, evaluate, sigmoid, symbol, tanh
from keepgate.equations.additive import replaced
from keepgate.equations.derivative import ZERO
from tests.equations.later_cells import LATER
from tests.oracles import agrees

CARRIED = {
    "rnn_tanh": {}, "rnn_relu": {}, "indrnn": {}, "lstm": {"c": "f"}, "peephole": {"c": "f"}, "gru": {"h": "z"},
    "gru_reset_before": {"h": "z"}, "mingru": {"h": None}, "coupled_lstm": {"c": "f"}, "minlstm": {"h": "f"},
    "slstm": {"c": "f", "n": "f"}, "ligru": {"h": "z"}, "ct_rnn": {"h": None},
    "layer_norm_lstm": {"c": "f"}, "layer_norm_gru": {"h": "z"}, "made_up": {"h": None},
}  # fmt: skip


@pytest.mark.parametrize("one", [*CELLS, *LATER], ids=lambda one: one.name)
def test_the_states_that_a_factor_carries_are_found(one):
    found = {state: one.analysis.gates.get(carry.keep) for state, carry in one.additive.items()}
    assert found == CARRIED[one.name]


@pytest.mark.parametrize(
    "one", [c for c in (*CELLS, *LATER) if c.recurrent != "in_step"], ids=lambda c: c.name
)
def test_what_is_kept_and_what_is_written_make_the_state(one):
    graph = one.graph
    values = {node: torch.rand(7, dtype=torch.float64) for node in graph.inputs.values()}
    for state, carry in one.additive.items():
        keep, write, new = evaluate([carry.keep, carry.write, graph.next[state]], values)
        agrees(keep * values[graph.previous[state]] + write, new)


def test_the_output_vanishes_with_the_memory_that_shows_it():
    assert set(by_name("lstm").analysis.output_slopes) >= {"c"}
    assert by_name("lstm").analysis.output_slopes["c"] is by_name("lstm").graph.traced["o"]
    assert "c" in by_name("slstm").analysis.output_slopes


@cell(gates="f g", states="h c")
def shifted(wx: Named, uh: Named, s: Named) -> Step:
    """Shows something even of an empty memory."""
    f = sigmoid(wx.f + uh.f)
    c = f * s.c + tanh(wx.g + uh.g)
    return Step(h=tanh(c) + f, c=c, f=f)


def test_an_output_that_does_not_vanish_with_its_memory_has_no_slope_there():
    assert "c" not in shifted.analysis.output_slopes
    assert list(shifted.additive) == ["c"]


@cell(gates="f g", states="h")
def looks_at_itself(wx: Named, uh: Named, s: Named) -> Step:
    """Its candidate sees the memory unit by unit, and is named: what is named is held."""
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g + s.h)
    return Step(h=f * s.h + g, f=f, g=g)


@cell(gates="f g", states="h")
def squares_itself(wx: Named, uh: Named, s: Named) -> Step:
    f = sigmoid(wx.f + uh.f)
    return Step(h=f * s.h * s.h + tanh(wx.g + uh.g), f=f)


def test_a_candidate_that_sees_the_memory_is_a_write_and_a_square_is_no_factor():
    carry = looks_at_itself.additive["h"]
    graph = looks_at_itself.graph
    assert (carry.keep, carry.write) == (graph.traced["f"], graph.traced["g"])
    assert squares_itself.additive == {}


def test_zeros_are_left_out():
    a, b = symbol("a"), symbol("b")
    for whole, left in (
        (a * b + b, b), (b + a * b, b), (b - a, b), (a - b, -b), (a / b + b, b), (tanh(a) * b + b, b),
        (b * (1 - tanh(a)), b * (1 - ZERO)),
    ):  # fmt: skip
        found = replaced(whole, {a: ZERO})
        assert found is left or repr(found) == repr(b), f"{whole}: {found}"
    assert replaced(sigmoid(a) * b, {a: ZERO}, constants=[sigmoid(a)]) is sigmoid(a) * b
