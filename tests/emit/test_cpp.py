"""The emitted C++, compiled around one double, is the cell's step and its derivative by torch's autograd."""

import ctypes
import re

import pytest
import torch
from torch import Tensor

from keepgate.cells import CELLS, COMPILED, by_name, gru, gru_reset_before, lstm, mingru
from keepgate.emit import header
from keepgate.equations import Cell, Named, Step, cell, sigmoid, tanh
from keepgate.errors import CellError
from tests.emit.compiler import CSRC, built, call, facts
from tests.equations.later_cells import LATER

# Those that loop over a row are held to their programs' bits: tests/kernels/test_user_cells.py.
COMMITTED = [cell for cell in COMPILED if not cell.row_means]
OTHERS = [c for c in CELLS if c not in COMPILED and c.recurrent != "in_step" and not c.row_means]
UNITS = 50


@cell(gates="a new", states="h int_ double", vectors="exp")
def taken(wx, uh, s, v):
    """Names that C++ and the emitter have too; a gate without uh; numbers of every size."""
    a = sigmoid(wx.a + uh.a)
    new = tanh(-wx.new) * 3 - 0.001 * v.exp
    t1 = a * s.int_ + new
    return Step(h=new - (-s.h) / 3e9, int_=t1, double=s.double, a=a, saved=wx.a + uh.a, pre=1 - a)


@cell(gates="a b r", states="h c")
def passed_on(wx, uh, s):
    """What is given is also a result: a sum, a state before, a block; one value goes by two names; a block is
    in a sum and beside it."""
    h = wx.a + uh.a
    r = sigmoid(wx.r + uh.r)
    return Step(h=h, c=r + wx.r + s.h - s.c * wx.b * uh.b, same=h, before=s.c, block=uh.b, r=r)


@cell(gates="a b c", recurrent="diagonal", vectors="p q")
def grouped(wx, uh, s, v):
    """Differences and quotients whose order a bracket decides, and products that are added on either side."""
    left = (wx.a - (uh.a - s.h)) / (2 + sigmoid(wx.b * uh.b) / (3 + v.p * v.p))
    right = v.q - (wx.c - uh.c * s.h) * (uh.a - 4 * wx.a - v.p)
    return Step(h=left * right - (left - right) / (5 + tanh(left / 7) * sigmoid(right)))


AWKWARD = [taken, passed_on, grouped]
EVERY = [*COMMITTED, *OTHERS, *LATER, *AWKWARD]
each_cell = pytest.mark.parametrize("cell", EVERY, ids=lambda cell: cell.name)


@pytest.fixture(scope="module")
def committed(tmp_path_factory) -> ctypes.CDLL:
    return built(COMMITTED, tmp_path_factory.mktemp("committed"), committed=True)


@pytest.fixture(scope="module")
def emitted(tmp_path_factory) -> ctypes.CDLL:
    return built([*OTHERS, *LATER, *AWKWARD], tmp_path_factory.mktemp("emitted"))


@pytest.fixture
def library(cell, request) -> ctypes.CDLL:
    return request.getfixturevalue("committed" if cell in COMMITTED else "emitted")


def randoms(names, prefix: str = "") -> dict[str, Tensor]:
    """One row of units for each name; the first unit sits at every function's corner."""
    values = {prefix + name: torch.randn(UNITS, dtype=torch.float64) for name in names}
    for value in values.values():
        value[0] = 0
    return {name: value.requires_grad_() for name, value in values.items()}


def stacked(values) -> Tensor:
    values = list(values)
    return torch.stack(values) if values else torch.zeros(0, UNITS, dtype=torch.float64)


class Truth:
    """A step on tensors: what it is given, what it returns, and autograd's gradients of all it is given."""

    def __init__(self, cell: Cell) -> None:
        self.wx = randoms(cell.gates)
        self.uh = randoms(cell.gates) if cell.recurrent != "none" else {}
        # A normaliser is positive, and an sLSTM divides by it.
        self.prev = {s: (v.detach().abs() + 0.5).requires_grad_() for s, v in randoms(cell.states).items()}
        self.weight, self.input = randoms(cell.vectors), randoms(cell.unit_inputs)
        self.per_unit = self.weight | self.input
        groups = (self.wx, self.uh, self.prev, *filter(None, (self.weight, self.input)))
        self.step = cell.step(*(Named(**group) for group in groups))
        raw = {f"wx_{g}": v for g, v in self.wx.items()} | {f"uh_{g}": v for g, v in self.uh.items()}
        self.saved = [({**raw, **self.step})[name] for name in cell.analysis.saved]
        self.next = [self.step[state] for state in cell.states]
        self.d_next = torch.randn(len(self.next), UNITS, dtype=torch.float64)
        leaves = [leaf for group in (self.wx, self.uh, self.prev, self.per_unit) for leaf in group.values()]
        found = torch.autograd.grad(self.next, leaves, list(self.d_next), allow_unused=True)
        self.gradient = {
            leaf: torch.zeros(UNITS, dtype=torch.float64) if g is None else g
            for leaf, g in zip(leaves, found, strict=True)
        }

    def gradients(self, group: dict[str, Tensor]) -> Tensor:
        return stacked(self.gradient[leaf] for leaf in group.values())

    def forward(self, library: ctypes.CDLL, cell: Cell) -> list[Tensor]:
        """The new states and what is saved, by the C++, from sums that are what it says they should be."""
        known = facts(library, cell)
        sums = torch.zeros(known.gates + known.split, UNITS, dtype=torch.float64)
        wx, uh = list(self.wx.values()), list(self.uh.values())
        for column, gate in enumerate(known.wx_gates):
            sums[column] += wx[gate].detach()
        for column, gate in enumerate(known.uh_gates if uh else ()):
            sums[known.split + column] += uh[gate].detach()
        given = [sums, stacked(self.prev.values()), stacked(self.per_unit.values())]
        return call(library, "forward", cell, given, [known.states, known.saved])

    def backward(self, library: ctypes.CDLL, cell: Cell) -> list[Tensor]:
        """The gradients of the sums, of the states before and of the numbers of each unit, by the C++."""
        known = facts(library, cell)
        given = [self.d_next, stacked(self.saved), stacked(self.prev.values()), stacked(self.next)]
        rows = [known.gates + known.split, known.states, known.vectors + known.unit_inputs]
        return call(library, "backward", cell, [*given, stacked(self.per_unit.values())], rows)


def agrees(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-12)


@each_cell
def test_forward_is_the_cells_step(cell, library):
    true = Truth(cell)
    after, saved = true.forward(library, cell)
    agrees(after, stacked(true.next))
    agrees(saved, stacked(true.saved))


@each_cell
def test_backward_is_autograds_from_what_is_kept(cell, library):
    true, known = Truth(cell), facts(library, cell)
    d_sums, d_prev, d_per_unit = true.backward(library, cell)
    d_wx = torch.full((known.gates, UNITS), float("nan"), dtype=torch.float64)
    d_wx[list(known.wx_gates)] = d_sums[: known.gates]
    agrees(d_wx, true.gradients(true.wx))
    if true.uh:
        d_uh = torch.full((known.gates, UNITS), float("nan"), dtype=torch.float64)
        d_uh[list(known.uh_gates)] = d_sums[known.split :]
        agrees(d_uh, true.gradients(true.uh))
    agrees(d_prev, true.gradients(true.prev))
    agrees(d_per_unit, true.gradients(true.per_unit))


@each_cell
def test_a_driver_is_told_what_the_cell_is(cell, library):
    known = facts(library, cell)
    assert (known.gates, known.states, known.vectors, known.unit_inputs) == tuple(
        map(len, (cell.gates, cell.states, cell.vectors, cell.unit_inputs))
    )
    assert known.saved == len(cell.analysis.saved)
    assert known.dense == (cell.recurrent == "dense")
    assert known.bias_hh == (cell.recurrent != "none")
    assert known.reads[0] == cell.reads_output
    assert cell.states[known.recurrent_state] == cell.recurrent_state
    assert sorted(known.wx_gates) == sorted(known.uh_gates) == list(range(known.gates))
    # The split gates come first in wx and last in uh, and the fused ones in one order, so that they meet.
    assert known.wx_gates[known.split :] == known.uh_gates[: known.gates - known.split]
    assert known.wx_gates[: known.split] == known.uh_gates[known.gates - known.split :]


@pytest.mark.parametrize(
    ("cell", "split"),
    [("lstm", ""), ("rnn_relu", ""), ("gru", "n"), ("peephole", ""), ("mingru", ""), (passed_on, "b r"),
     (taken, "new"), (grouped, "a b c")],
    ids=lambda v: getattr(v, "name", v),
)  # fmt: skip
def test_a_gate_is_in_two_columns_only_where_its_parts_do_more_than_add_up(cell, split, committed, emitted):
    found = by_name(cell) if isinstance(cell, str) else cell
    known = facts(committed if isinstance(cell, str) else emitted, found)
    assert " ".join(found.gates[gate] for gate in known.wx_gates[: known.split]) == split


def test_the_committed_cells_are_listed_by_name(committed):
    listed = re.findall(
        r"X\((\w+)\)", (CSRC / "all.h").read_text().split("KEEPGATE_CELLS(X)")[1].split("#define")[0]
    )
    names = []
    for struct in listed:
        function = getattr(committed, f"name_{struct}")
        function.restype = ctypes.c_char_p
        names.append(function().decode())
    assert names == [cell.name for cell in COMMITTED]


def test_no_product_of_a_committed_cell_is_left_for_the_compiler_to_fuse(tmp_path):
    # Where the compiler may fuse products with sums by itself, it finds none: the bits stay the same.
    libraries = []
    for contract in ("off", "fast"):
        (tmp_path / contract).mkdir()
        flags = ["-O2", "-march=native", f"-ffp-contract={contract}"]
        libraries.append(built(COMMITTED, tmp_path / contract, committed=True, flags=flags))
    for every in COMMITTED:
        true = Truth(every)
        steps = [[*true.forward(library, every), *true.backward(library, every)] for library in libraries]
        for as_written, as_the_compiler_likes in zip(*steps, strict=True):
            assert torch.equal(as_written, as_the_compiler_likes), every.name


def body(cell: Cell, function: str) -> list[str]:
    lines = header(cell).split("\n")
    start = next(k for k, line in enumerate(lines) if f"void {function}(" in line)
    start = next(k for k in range(start, len(lines)) if lines[k].endswith("{")) + 1
    return [line.strip() for line in lines[start : lines.index("  }", start)]]


def test_the_text_reads_as_one_would_write_it():
    assert body(lstm, "forward") == [
        "const V a_i = pre[0], a_f = pre[1], a_g = pre[2], a_o = pre[3];",
        "const V c_prev = prev[1];",
        "const V i = sigmoid(a_i);",
        "const V f = sigmoid(a_f);",
        "const V g = tanh(a_g);",
        "const V o = sigmoid(a_o);",
        "const V c = fma(f, c_prev, i * g);",
        "saved[0] = i;",
        "saved[1] = f;",
        "saved[2] = g;",
        "saved[3] = o;",
        "next[0] = o * tanh(c);",
        "next[1] = c;",
    ]
    assert body(gru, "backward") == [
        "const V r = saved[0], z = saved[1], n = saved[2], uh_n = saved[3];",
        "const V h_prev = prev[0];",
        "const V d_h = d_next[0];",
        "const V d_wx_n = d_h * (1 - z) * fnma(n, n, 1);",
        "d_pre[0] = d_wx_n;",
        "d_pre[1] = d_wx_n * uh_n * (r * (1 - r));",
        "d_pre[2] = d_h * (h_prev - n) * (z * (1 - z));",
        "d_pre[3] = d_wx_n * r;",
        "d_prev[0] = d_h * z;",
    ]


@pytest.mark.parametrize("cell", COMMITTED, ids=lambda cell: cell.name)
def test_the_committed_text_has_no_idle_operation(cell):
    text = (CSRC / f"{cell.name}.h").read_text()
    code = "\n".join(line.split("//")[0] for line in text.split("\n"))
    for idle in (r"\* 1\b", r"\b1 \*", r"[+-] 0\b", r"- -", r"-\(-", r"\b(\w+)_* = \1;"):
        assert not re.search(idle, code), idle
    assert max(map(len, text.split("\n"))) <= 120


def test_a_cell_without_a_graph_has_no_text_and_says_why():
    with pytest.raises(CellError, match="gru_reset_before has no graph"):
        header(gru_reset_before)


def test_the_file_names_its_source_and_the_cells_paper():
    first, once, _, paper = header(mingru).split("\n")[:4]
    assert first.startswith("// GENERATED from keepgate/cells/mingru.py by `python -m keepgate.emit`")
    assert once == "#pragma once"
    assert "Feng et al. (2024)" in paper
