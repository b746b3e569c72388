"""What is found in a cell's equations, and what a wrong description is told."""

import copy
import pickle

import pytest
import torch

from keepgate.cells import (
    CELLS,
    coupled_lstm,
    gru,
    gru_reset_before,
    indrnn,
    lstm,
    mingru,
    minlstm,
    peephole,
    rnn_relu,
    rnn_tanh,
    slstm,
)
from keepgate.equations import Named, OnnxOperator, Step, cell, sigmoid, tanh
from keepgate.errors import CellError
from tests.equations.later_cells import LATER, made_up

each_cell = pytest.mark.parametrize("cell", [*CELLS, *LATER], ids=lambda cell: cell.name)

#        cell              keeps  writes memory linear traced
FOUND = [
    (rnn_tanh, None, None, "h", False, ""),
    (rnn_relu, None, None, "h", False, ""),
    (lstm, "f", "i", "c", False, "i f g o"),
    (gru, "z", None, "h", False, "r z n"),
    (gru_reset_before, "z", None, "h", False, "r z n"),
    (peephole, "f", "i", "c", False, "i f g o"),
    (coupled_lstm, "f", "i", "c", False, "i f g o"),
    (mingru, None, "z", "h", True, "z n"),
    (minlstm, "f", "i", "h", True, "f i n"),
    (slstm, "f", "i", "c", False, "i f z o"),
    (indrnn, None, None, "h", False, ""),
    (made_up, None, None, "h", False, ""),
]


@pytest.mark.parametrize(
    ("cell", "keeps", "writes", "memory", "linear", "traced"), FOUND, ids=lambda v: getattr(v, "name", "")
)
def test_which_gate_keeps_and_which_writes_is_found_in_the_equations(
    cell, keeps, writes, memory, linear, traced
):
    assert (cell.retain_gate, cell.input_gate, cell.memory_state, cell.linear) == (
        keeps,
        writes,
        memory,
        linear,
    )
    assert cell.traced == tuple(traced.split())


def test_a_gate_is_found_by_what_it_does_and_not_by_its_name():
    @cell(gates="f i g o", states="h c")
    def renamed(wx, uh, s):
        i, f, g = sigmoid(wx.i + uh.i), sigmoid(wx.f + uh.f), tanh(wx.g + uh.g)
        c = i * s.c + f * g
        return Step(h=sigmoid(wx.o + uh.o) * tanh(c), c=c, i=i, f=f)

    assert (renamed.retain_gate, renamed.input_gate, renamed.memory_state) == ("i", "f", "c")


def test_a_gate_that_keeps_is_not_said_to_write_too():
    @cell(gates="f a")
    def leaky(wx, uh, s):
        f = sigmoid(wx.f + uh.f)
        return Step(h=f * (s.h + tanh(wx.a + uh.a)), f=f)

    assert (leaky.retain_gate, leaky.input_gate) == ("f", None)


def test_a_factor_that_can_leave_zero_to_one_is_no_gate():
    @cell(gates="f")
    def signed(wx, uh, s):
        f = tanh(wx.f + uh.f)
        return Step(h=f * s.h + 1, f=f)

    assert signed.retain_gate is None


@pytest.mark.parametrize(
    ("cell", "reads_output"),
    [
        (lstm, False),
        (peephole, False),
        (gru, True),
        (gru_reset_before, True),
        (mingru, True),
        (indrnn, False),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_whether_a_step_reads_its_output_beside_uh_is_found(cell, reads_output):
    assert cell.reads_output == reads_output


def test_a_product_inside_the_step_reads_the_output_by_weights_alone():
    @cell(gates="a", recurrent="in_step")
    def plain(wx, u, s):
        return Step(h=tanh(wx.a + u.a(s.h)))

    assert not plain.reads_output


# The states before and after a step are there anyway; this is what is stored beside them.
KEPT = [
    (rnn_tanh, ""),
    (rnn_relu, ""),
    (lstm, "i f g o"),
    (gru, "r z n uh_n"),
    (peephole, "i f g o"),
    (mingru, "z n"),
    (minlstm, "f i n wx_f wx_i"),
    (made_up, "wx_a wx_b wx_e uh_a uh_b uh_e"),
]


@pytest.mark.parametrize(("cell", "kept"), KEPT, ids=lambda v: getattr(v, "name", ""))
def test_what_backward_must_keep_is_found(cell, kept):
    assert list(cell.analysis.saved) == kept.split()


@pytest.mark.parametrize(
    ("cell", "reads"),
    [(rnn_tanh, "h"), (lstm, "c_prev c i f g o"), (gru, "h_prev r z n uh_n")],
    ids=lambda v: str(v),
)
def test_of_the_kept_values_those_which_backward_reads_are_known(cell, reads):
    assert cell.analysis.reads == tuple(reads.split())


def test_a_value_that_gains_a_name_replaces_the_raw_inputs_it_came_from():
    def described(*, named):
        @cell(gates="a b")
        def product_of_two(wx, uh, s):
            left, right = sigmoid(wx.a + uh.a), tanh(wx.b + uh.b)
            return Step(h=left * right, **({"left": left, "right": right} if named else {}))

        return product_of_two

    assert list(described(named=False).analysis.saved) == ["wx_a", "wx_b", "uh_a", "uh_b"]
    assert list(described(named=True).analysis.saved) == ["left", "right"]


def run(cell, dtype=torch.float64):
    """One step on random tensors: its results, and the states before it."""
    blocks = {kind: {gate: torch.randn(3, 10, dtype=dtype) for gate in cell.gates} for kind in ("wx", "uh")}
    previous = {state: torch.rand(3, 10, dtype=dtype) + 0.5 for state in cell.states}
    uh = Named(**blocks["uh"])
    if cell.recurrent == "in_step":
        weights = {gate: torch.randn(10, 10, dtype=dtype) for gate in cell.gates}
        uh = Named(**{gate: lambda v, w=w: v @ w for gate, w in weights.items()})
    more = [Named(**{v: torch.randn(10, dtype=dtype) for v in cell.vectors})] if cell.vectors else []
    return cell.step(Named(**blocks["wx"]), uh, Named(**previous), *more), previous


@each_cell
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_states_rebuilt_from_a_trace_have_the_steps_bits(cell, dtype):
    results, previous = run(cell, dtype)
    if cell.traced == () or cell is slstm:
        # An RNN names nothing; the sLSTM's m is not among what it names.
        with pytest.raises(CellError, match=r"do not follow .* they need"):
            cell.rebuild(results, previous)
        return
    traced = {name: results[name] for name in cell.traced}
    new = cell.rebuild(traced, previous)
    assert list(new) == list(cell.states)
    for state in cell.states:
        assert torch.equal(new[state], results[state])


def test_rebuilding_says_which_values_are_missing():
    results, previous = run(lstm)
    with pytest.raises(CellError, match="needs g, o too"):
        lstm.rebuild({"i": results["i"], "f": results["f"]}, previous)
    with pytest.raises(CellError, match="needs c before the step too"):
        lstm.rebuild(results, {"h": previous["h"]})


def test_rebuilding_follows_the_values_it_is_given():
    results, previous = run(lstm)
    closed = {**results, "f": torch.zeros_like(results["f"])}
    assert torch.equal(lstm.rebuild(closed, previous)["c"], 0 * previous["c"] + results["i"] * results["g"])


def test_a_cell_with_a_product_inside_has_no_graph_and_says_why():
    with pytest.raises(CellError, match=r"gru_reset_before has no graph: .* inside its step"):
        _ = gru_reset_before.elementwise_graph


def test_vectors_reach_the_step_as_its_fourth_argument():
    results, _ = run(peephole)
    assert results["c"].shape == (3, 10)
    assert [f"d_{v}" in peephole.analysis.backward for v in peephole.vectors] == [True] * 3


@each_cell
def test_a_cell_can_be_copied_and_pickled_and_stays_itself(cell):
    assert copy.copy(cell) is cell
    assert copy.deepcopy({"cell": cell})["cell"] is cell
    assert pickle.loads(pickle.dumps(cell)) is cell


def test_a_cell_inside_a_function_cannot_be_pickled_and_says_so():
    @cell(gates="a")
    def local(wx, uh, s):
        return Step(h=wx.a + uh.a)

    with pytest.raises(CellError, match="declare it in a module"):
        pickle.dumps(local)


def good(wx, uh, s):
    return Step(h=tanh(wx.a + uh.a) + tanh(wx.b + uh.b))


def unknown_gate(wx, uh, s):
    return Step(h=wx.gato + uh.b)


def unknown_state(wx, uh, s):
    return Step(h=wx.a + uh.b + s.c)


def no_state(wx, uh, s):
    return Step(a=wx.a + uh.a, b=wx.b)


def no_step(wx, uh, s):
    return {"h": wx.a + uh.b}


def number(wx, uh, s):
    return Step(h=wx.a + uh.b, one=1.0)


def unused_gate(wx, uh, s):
    return Step(h=wx.a + uh.a)


def unused_uh(wx, uh, s):
    return Step(h=wx.a + wx.b)


def softmax(wx, uh, s):
    return Step(h=(wx.a + uh.b).softmax(-1))


def power(wx, uh, s):
    return Step(h=(wx.a + uh.b) ** 2)


def with_tensor(wx, uh, s):
    return Step(h=(wx.a + uh.b) * torch.ones(1))


def four_arguments(wx, uh, s, v):
    return Step(h=wx.a + uh.b)


def branching(wx, uh, s):
    return Step(h=wx.a if wx.b else uh.b)


def misspelt(wx, uh, s):
    return Step(h=sigmiod(wx.a + uh.b))  # noqa: F821


def by_zero(wx, uh, s):
    return Step(h=(wx.a + uh.b) * (1 / 0))


def traces_reserved(wx, uh, s):
    return Step(h=wx.a + uh.b, output=wx.a)


WRONG = {
    "a letter that no trace shows": (
        good,
        {"gates": "a b", "letters": {"f": "forget gate"}},
        "'f' a meaning, and its trace shows h",
    ),
    "no gates": (good, {"gates": ""}, "has no gates"),
    "no states": (good, {"gates": "a b", "states": ""}, "has no states"),
    "a gate twice": (good, {"gates": "a b a"}, "'a' twice"),
    "a state twice": (good, {"gates": "a b", "states": "h h"}, "'h' twice"),
    "a state called like a gate": (good, {"gates": "a h", "states": "h"}, "'h' twice.*name of its own"),
    "a vector called like a gate": (good, {"gates": "a b", "vectors": "b"}, "'b' twice"),
    "no Python name": (good, {"gates": "a b-c"}, "'b-c'; it must be a Python name"),
    "a keyword": (good, {"gates": "a in"}, "'in'; it must be a Python name"),
    "a trace's own word": (good, {"gates": "a output"}, "'output', which is taken.*choose another"),
    "a graph's own word": (good, {"gates": "a d_b"}, "'d_b', which is taken"),
    "a state like a previous one": (good, {"gates": "a b", "states": "h h_prev"}, "'h_prev', which is taken"),
    "a trace of a reserved name": (traces_reserved, {"gates": "a b"}, "'output', which is taken"),
    "unknown gate": (unknown_gate, {"gates": "b gate"}, r"asks for wx\.gato; known are gate, b"),
    "unknown state": (unknown_state, {"gates": "a b"}, r"asks for s\.c; known are h"),
    "a declared state is not returned": (
        no_state,
        {"gates": "a b"},
        "'h', but its step returns a b; return Step",
    ),
    "no Step": (no_step, {"gates": "a b"}, r"returns dict; return Step\(h=h"),
    "a number": (number, {"gates": "a b"}, "one=1.0; return a value computed"),
    "a gate without use": (unused_gate, {"gates": "a b"}, "depends on its gate 'b'; use it or leave it out"),
    "no uh": (unused_uh, {"gates": "a b"}, "declare recurrent='none'"),
    "uh where there is none": (
        good,
        {"gates": "a b", "recurrent": "none"},
        "with recurrent='none' there is no uh",
    ),
    "unknown recurrence": (good, {"gates": "a b", "recurrent": "diag"}, "'diag'; known are diagonal"),
    "not elementwise": (softmax, {"gates": "a b"}, "cannot run on symbols.*softmax.*keepgate.equations"),
    "a power": (power, {"gates": "a b"}, "cannot run on symbols"),
    "a tensor": (with_tensor, {"gates": "a b"}, "cannot run on symbols"),
    "vectors not declared": (four_arguments, {"gates": "a b"}, r"cannot run on symbols.*'v'.*\(wx, uh, s\)"),
    "a vector without use": (four_arguments, {"gates": "a b", "vectors": "p"}, "depends on its vector 'p'"),
    "a branch": (branching, {"gates": "a b"}, "branched on wx_b.*relu, maximum"),
    "a name that nothing has": (
        misspelt,
        {"gates": "a b"},
        "cannot run on symbols.*'sigmiod' is not defined",
    ),
    "a division by zero": (by_zero, {"gates": "a b"}, "cannot run on symbols: division by zero"),
    "ONNX has other gates": (
        good,
        {"gates": "a b", "onnx": OnnxOperator("GRU", gates="z r n")},
        "same gates",
    ),
    "ONNX has other vectors": (
        good,
        {"gates": "a b", "onnx": OnnxOperator("RNN", gates="a b", vectors="p")},
        "same vectors",
    ),
}


# Those whose fault is in the first line of the step, below `def`; of the others it is in the declaration.
FAULT_INSIDE = {
    "unknown gate",
    "unknown state",
    "uh where there is none",
    "not elementwise",
    "a power",
    "a tensor",
    "a branch",
    "a name that nothing has",
    "a division by zero",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_description_is_told_what_to_do_and_where(name):
    step, description, message = WRONG[name]
    with pytest.raises(CellError, match=f"(?s){step.__name__}.*{message}|{message}") as raised:
        cell(**description)(step)
    assert step.__name__ in str(raised.value)
    line = step.__code__.co_firstlineno + (name in FAULT_INSIDE)
    assert str(raised.value).endswith(f"(test_cell.py, line {line})")
