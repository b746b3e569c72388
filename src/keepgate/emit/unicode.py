"""A cell's equations as text, each with its phase: forget, select, output. Found from the cell's own description."""

from dataclasses import dataclass
from typing import Literal

from ..equations import Cell, Expr, topological
from ..equations.expr import INFIX

Phase = Literal["forget", "select", "output"]

_SIGNS = {**INFIX, "mul": "⊙", "sub": "−"}
_NAMES = {"sigmoid": "σ"}
# How tightly a sign binds, from loose to tight.
_SUM, _PRODUCT, _ATOM = range(3)


@dataclass(frozen=True, kw_only=True)
class Equation:
    """One line. name: of what it computes, as the trace calls it.

    phase: "forget" computes what is kept of the memory, "select" what is written into it, "output" what it shows;
        None in a cell that has no gate to keep a memory with.
    """

    name: str
    phase: Phase | None
    text: str


def equations_of(cell: Cell) -> tuple[Equation, ...]:
    """A cell's equations, in the order forget, select, output, and within each as they are computed."""
    graph = cell.graph
    nodes = {**graph.traced, **graph.next}
    labels = {node: name if name in graph.traced else f"{name}ₜ" for name, node in nodes.items()}
    order = [node for node in topological(graph.next.values()) if node in labels]
    carried = cell.additive.get(cell.memory_state)
    keep_nodes = set(topological([carried.keep])) if carried else set()
    memory_nodes = set(topological([graph.next[cell.memory_state]]))
    names = {node: name for name, node in nodes.items()}
    equations = [
        Equation(
            name=names[node],
            phase=None
            if carried is None
            else "forget"
            if node in keep_nodes
            else "select"
            if node in memory_nodes
            else "output",
            text=f"{labels[node]} = {_text(node, {n: label for n, label in labels.items() if n is not node})[0]}",
        )
        for node in order
    ]
    phases = ("forget", "select", "output", None)
    return tuple(sorted(equations, key=lambda equation: phases.index(equation.phase)))


def _text(node: Expr, labels: dict[Expr, str]) -> tuple[str, int]:
    """A node as text, and how tightly its outermost sign binds."""
    if node in labels:
        return labels[node], _ATOM
    match node.op, node.args:
        case "symbol", _:
            return _symbol(str(node.name))
        case "const", _:
            return f"{node.value:g}", _ATOM
        case "product", (block, value):
            return f"U_{str(block.name).removeprefix('u_')} {_within(value, _ATOM, labels)}", _PRODUCT
        case "neg", (a,):
            return f"−{_within(a, _ATOM, labels)}", _PRODUCT
        case "add", (a, b) if _pair(a, b):
            gate = str(a.name).removeprefix("wx_")
            return f"W_{gate} xₜ + U_{gate} hₜ₋₁ + b_{gate}", _SUM
        case (("add" | "sub" | "mul" | "div"), (a, b)):
            level = _SUM if node.op in ("add", "sub") else _PRODUCT
            return (
                f"{_within(a, level, labels)} {_SIGNS[node.op]} {_within(b, level + (node.op != 'add'), labels)}",
                level,
            )
    return (
        f"{_NAMES.get(node.op, node.op)}({', '.join(_text(argument, labels)[0] for argument in node.args)})",
        _ATOM,
    )


def _within(node: Expr, at_least: int, labels: dict[Expr, str]) -> str:
    text, level = _text(node, labels)
    return text if level >= at_least else f"({text})"


def _pair(a: Expr, b: Expr) -> bool:
    """Whether two nodes are the input's and the output's part of one gate."""
    return str(a.name).startswith("wx_") and str(b.name) == f"uh_{str(a.name).removeprefix('wx_')}"


def _symbol(name: str) -> tuple[str, int]:
    if name.startswith("wx_"):
        return f"W_{name[3:]} xₜ + b_{name[3:]}", _SUM
    if name.startswith("uh_"):
        return f"U_{name[3:]} hₜ₋₁ + b′_{name[3:]}", _SUM
    return (f"{name.removesuffix('_prev')}ₜ₋₁" if name.endswith("_prev") else name), _ATOM
