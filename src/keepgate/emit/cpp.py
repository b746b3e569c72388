"""The C++ text of a cell: one struct, with one step forward and one step backward for any vector of numbers."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..cells import CELLS
from ..equations import Cell, Expr, gradients, topological
from ..equations.expr import INFIX
from .statements import Names, Statement, statements

# What a cell's own names must not hide: C++'s words, what the text calls, and the parameters.
TAKEN = frozenset(
    """alignas alignof and asm auto bool break case catch char class compl const constexpr const_cast continue
    decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto
    if inline int long mutable namespace new noexcept not nullptr operator or private protected public register
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template
    this throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
    exp fma fms fnma log maximum relu sigmoid step_of tanh
    V d_next d_pre d_prev d_weight kept next pre prev weight""".split()
)


GENERATED = "// GENERATED from "


def files() -> dict[str, str]:
    """The text of every file of csrc/cells, by its name: one for each cell that has a graph, and all.h."""
    emitted = [cell for cell in CELLS if cell.recurrent != "inside"]
    return {**{f"{cell.name}.h": header(cell) for cell in emitted}, "all.h": all_cells(emitted)}


def struct_name(cell: Cell) -> str:
    """What the struct of a cell is called: RnnTanh for rnn_tanh."""
    return "".join(part.capitalize() for part in cell.name.split("_"))


def all_cells(cells: Iterable[Cell]) -> str:
    """The text of all.h: every cell included, and listed in KEEPGATE_CELLS."""
    cells = list(cells)
    return "\n".join(
        [
            f"{GENERATED}keepgate/cells/__init__.py by `python -m keepgate.emit`; change that file, not this one.",
            "#pragma once",
            *(f'#include "{cell.name}.h"' for cell in cells),
            "",
            "#define KEEPGATE_CELLS(X) " + " ".join(f"X({struct_name(cell)})" for cell in cells),
            "",
        ]
    )


def header(cell: Cell) -> str:
    """The text of a cell's file. The file that includes it has declared the functions that it calls."""
    return "\n".join([*_Cpp(cell).lines(), ""])


@dataclass(frozen=True)
class _Cpp:
    cell: Cell

    @cached_property
    def sums(self) -> dict[str, Expr]:
        """The joined gates: what is used of them is only wx + uh, which the driver adds up; by gate."""
        graph = self.cell.graph
        order = topological([*graph.next.values(), *graph.traced.values()])
        found: dict[str, Expr] = {}
        for gate, uh in graph.uh.items():
            wx = graph.wx[gate]
            users = {node for node in order if wx in node.args or uh in node.args}
            raw = {f"wx_{gate}", f"uh_{gate}"} & graph.kept.keys()
            shown = {wx, uh} & {*graph.next.values(), *graph.traced.values()}
            if len(users) == 1 and not raw and not shown:
                (user,) = users
                if user.op == "add" and set(user.args) == {wx, uh}:
                    found[gate] = user
        return found

    @cached_property
    def apart(self) -> list[str]:
        """The gates whose wx and uh do more than add up, in the cell's order."""
        return [gate for gate in self.cell.graph.uh if gate not in self.sums]

    @cached_property
    def wx_gates(self) -> list[str]:
        return [*self.apart, *(gate for gate in self.cell.gates if gate not in self.apart)]

    @cached_property
    def uh_gates(self) -> list[str]:
        return [*(gate for gate in self.cell.gates if gate not in self.apart), *self.apart]

    @cached_property
    def columns(self) -> dict[str, Expr]:
        """What the driver computes for each unit before the step, by name, in its order."""
        graph = self.cell.graph
        first = {f"wx_{gate}": graph.wx[gate] for gate in self.apart}
        if graph.uh:
            joined = {gate if gate == "a" else f"a_{gate}": node for gate, node in self.sums.items()}
        else:
            joined = {f"wx_{gate}": node for gate, node in graph.wx.items()}
        return {**first, **joined, **{f"uh_{gate}": graph.uh[gate] for gate in self.apart}}

    def lines(self) -> Iterator[str]:
        cell, graph = self.cell, self.cell.graph
        module = cell.step.__module__
        about = (sys.modules[module].__doc__ or "").strip().split("\n")[0]
        yield (
            f"{GENERATED}{module.replace('.', '/')}.py by `python -m keepgate.emit`; "
            "change that file, not this one."
        )
        yield "#pragma once"
        yield ""
        yield f"// {about}"
        yield f"struct {struct_name(cell)} {{"
        yield f'  static constexpr const char* name = "{cell.name}";'
        yield (
            f"  static constexpr int gates = {len(cell.gates)}, states = {len(cell.states)}, "
            f"vectors = {len(cell.vectors)};  // {'; '.join(map(' '.join, filter(None, (cell.gates, cell.states, cell.vectors))))}"
        )
        yield f"  static constexpr int apart = {len(self.apart)};  // gates whose wx and uh do more than add up"
        yield f"  static constexpr int kept = {len(graph.kept)};" + _comment(graph.kept)
        yield f"  static constexpr Recurrence recurrence = Recurrence::{cell.recurrent};"
        yield f"  static constexpr bool reads_output = {str(self.reads_output).lower()};"
        yield f"  static constexpr int wx_gates[gates] = {self._places(self.wx_gates)};" + _comment(self.wx_gates)
        yield f"  static constexpr int uh_gates[gates] = {self._places(self.uh_gates)};" + _comment(self.uh_gates)
        yield ""
        yield from self._forward()
        yield ""
        yield from self._backward()
        yield "};"

    @property
    def reads_output(self) -> bool:
        """Whether the step or its backward pass reads the output before it, beside uh."""
        graph, output = self.cell.graph, self.cell.states[0]
        below = topological([*graph.next.values(), *graph.traced.values()])
        return graph.previous[output] in below or f"{output}_prev" in graph.reads

    def _places(self, gates: list[str]) -> str:
        return "{" + ", ".join(str(self.cell.gates.index(gate)) for gate in gates) + "}"

    def _forward(self) -> Iterator[str]:
        graph = self.cell.graph
        sources = {
            "prev": {f"{state}_prev": node for state, node in graph.previous.items()},
            "weight": graph.vectors,
            "pre": self.columns,
        }
        results = {f"kept[{k}]": node for k, node in enumerate(graph.kept.values())}
        results |= {f"next[{k}]": node for k, node in enumerate(graph.next.values())}
        called = _by_node({**graph.next, **graph.traced})
        body = self._body(sources, results, called)
        yield f"  // {', '.join(self.columns)}  ->  {', '.join(graph.next)}" + _after("; ", graph.kept)
        yield from _function("forward", ["const V* pre", "const V* prev", "const V* weight", "V* next", "V* kept"], body)

    def _backward(self) -> Iterator[str]:
        graph = self.cell.graph
        named = {**graph.traced, **graph.next, **self.columns}
        found = gradients(list(graph.next.values()), list(graph.upstream.values()), list(named.values()))
        called = _by_node({f"d_{name}": gradient for name, gradient in zip(named, found, strict=True)})
        upstream = {called.get(node, f"d_next[{k}]"): node for k, node in enumerate(graph.upstream.values())}
        sources = {
            "kept": graph.kept,
            "prev": {f"{state}_prev": node for state, node in graph.previous.items()},
            "next": graph.next,
            "weight": graph.vectors,
            "d_next": upstream,
        }
        of = dict(zip(named, found, strict=True))
        results = {f"d_pre[{k}]": of[name] for k, name in enumerate(self.columns)}
        for k, state in enumerate(graph.previous):
            results[f"d_prev[{k}]"] = graph.backward[f"d_{state}_prev"]
        for k, vector in enumerate(graph.vectors):
            results[f"d_weight[{k}]"] = graph.backward[f"d_{vector}"]
        body = self._body(sources, results, called)
        yield (
            f"  // {', '.join(f'd_{state}' for state in graph.next)}  ->  gradients of {', '.join(self.columns)}; "
            f"directly of {', '.join(f'{s}_prev' for s in graph.previous)}" + _after("; of ", graph.vectors)
        )
        parameters = ["const V* d_next", "const V* kept", "const V* prev", "const V* next", "const V* weight"]
        yield from _function("backward", [*parameters, "V* d_pre", "V* d_prev", "V* d_weight"], body)

    def _body(
        self,
        sources: Mapping[str, Mapping[str, Expr]],
        results: Mapping[str, Expr],
        called: Mapping[Expr, str],
    ) -> list[str]:
        """What is read by name, one line for each array, then the statements."""
        names = Names(TAKEN)
        given: dict[Expr, str] = {}
        reads: dict[str, list[tuple[str, Expr]]] = {}
        for array, items in sources.items():
            for k, (name, node) in enumerate(items.items()):
                if node not in given:
                    inline = name == f"{array}[{k}]"
                    given[node] = name if inline else names.new(name)
                    if not inline:
                        reads.setdefault(array, []).append((f"{given[node]} = {name_of(array, k)}", node))
        used = set(topological(results.values(), stop=given.keys()))
        lines = []
        for items in reads.values():
            if needed := [text for text, node in items if node in used]:
                lines.append(f"const V {', '.join(needed)};")
        made = list(statements(results, given, called, names, write))
        return lines + [_line(statement) for statement in in_place(made)]


def name_of(array: str, k: int) -> str:
    return f"{array}[{k}]"


def in_place(made: list[Statement]) -> list[Statement]:
    return made


def _line(statement: Statement) -> str:
    return f"{'const V ' if statement.new else ''}{statement.target} = {statement.text};"


def _by_node(names: Mapping[str, Expr]) -> dict[Expr, str]:
    """The first name of each node."""
    return {node: name for name, node in reversed(names.items())}


def _comment(names: Iterable[str]) -> str:
    return _after("  // ", names, " ")


def _after(start: str, names: Iterable[str], between: str = ", ") -> str:
    text = between.join(names)
    return start + text if text else ""


def _function(name: str, parameters: list[str], body: list[str]) -> Iterator[str]:
    """A static member function. A parameter that the body does not read is left unnamed."""
    text = "\n".join(body)
    shown = []
    for parameter in parameters:
        kind, word = parameter.rsplit(" ", 1)
        shown.append(parameter if f"{word}[" in _words(text) else f"{kind} /*{word}*/")
    start = f"  static KEEPGATE_INLINE void {name}("
    yield "  template <class V>"
    line = start
    for k, parameter in enumerate(shown):
        piece = parameter + (") {" if k == len(shown) - 1 else ",")
        if len(line) + 1 + len(piece) > 110:
            yield line
            line = " " * len(start) + piece
        else:
            line += piece if line == start else f" {piece}"
    yield line
    yield from (f"    {line}" for line in body)
    yield "  }"


def _words(text: str) -> set[str]:
    """Every `name[` of a text."""
    import re

    return set(re.findall(r"\w+\[", text))


# How tightly an operation binds.
LOOSE, PRODUCT, UNARY, ATOM = range(4)


def write(node: Expr, names: Mapping[Expr, str]) -> str:
    """An expression in C++, with every product that is only added to something fused with the addition.

    The text is compiled without contraction, so that the same operations run wherever it is inlined.
    """
    return _write(node, names)[0]


def _write(node: Expr, names: Mapping[Expr, str]) -> tuple[str, int]:
    if node in names:
        return names[node], ATOM
    match node.op, node.args:
        case "const", _:
            assert node.value is not None
            return f"{node.value:.17g}", ATOM if node.value >= 0 else UNARY
        case "neg", (a,):
            return f"-{_operand(a, names, UNARY + 1)}", UNARY
        case ("add", (a, b)) if _fuses(a, names):
            return _call("fma", (*a.args, b), names)
        case ("add", (a, b)) if _fuses(b, names):
            return _call("fma", (*b.args, a), names)
        case ("sub", (a, b)) if _fuses(a, names):
            return _call("fms", (*a.args, b), names)
        case ("sub", (a, b)) if _fuses(b, names):
            return _call("fnma", (*b.args, a), names)
        case ("add" | "sub" | "mul" | "div"), (a, b):
            level = LOOSE if node.op in ("add", "sub") else PRODUCT
            text = f"{_operand(a, names, level)} {INFIX[node.op]} {_operand(b, names, level + 1)}"
            return text, level
    return _call(node.op, node.args, names)


def _fuses(node: Expr, names: Mapping[Expr, str]) -> bool:
    return node.op == "mul" and node not in names


def _operand(node: Expr, names: Mapping[Expr, str], at_least: int) -> str:
    text, level = _write(node, names)
    return text if level >= at_least else f"({text})"


def _call(function: str, args: Iterable[Expr], names: Mapping[Expr, str]) -> tuple[str, int]:
    return f"{function}({', '.join(write(a, names) for a in args)})", ATOM
