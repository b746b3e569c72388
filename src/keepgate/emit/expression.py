"""An expression as C++ text, with every product that is only added to something fused with the addition.

The text is compiled without contraction, so that the same operations run, with the same bits, wherever it is
inlined: which product is fused must stand in it.
"""

from collections.abc import Iterable, Mapping

from ..equations import Expr
from ..equations.expr import INFIX

# How tightly an operation binds, from loose to tight.
SUM, PRODUCT, UNARY, ATOM = range(4)


def write(node: Expr, names: Mapping[Expr, str]) -> str:
    """The text that computes a node from the nodes that have names."""
    return _write(node, names)[0]


def _write(node: Expr, names: Mapping[Expr, str]) -> tuple[str, int]:
    """The text, and how tightly its outermost operation binds."""
    if node in names:
        return names[node], ATOM
    match node.op, node.args:
        case "const", _:
            return _number(node)
        case "neg", (a,):
            return f"-{_operand(a, ATOM, names)}", UNARY
        case "add", (a, b) if _fuses(a, names):
            return _call("fma", (*a.args, b), names)
        case "add", (a, b) if _fuses(b, names):
            return _call("fma", (*b.args, a), names)
        case "sub", (a, b) if _fuses(a, names):
            return _call("fms", (*a.args, b), names)
        case "sub", (a, b) if _fuses(b, names):
            return _call("fnma", (*b.args, a), names)
        case "sub", (a, b) if b.op == "neg" and b not in names:
            return _infix("+", a, b.args[0], SUM, names)
        case (("add" | "sub"), (a, b)):
            return _infix(INFIX[node.op], a, b, SUM, names)
        case (("mul" | "div"), (a, b)):
            return _infix(INFIX[node.op], a, b, PRODUCT, names)
    return _call(node.op, node.args, names)


def _fuses(node: Expr, names: Mapping[Expr, str]) -> bool:
    return node.op == "mul" and node not in names


def _infix(sign: str, a: Expr, b: Expr, level: int, names: Mapping[Expr, str]) -> tuple[str, int]:
    # Brackets on the right keep the order in which the graph computes: a - (b + c), d * (i * (1 - i)).
    return f"{_operand(a, level, names)} {sign} {_operand(b, level + 1, names)}", level


def _operand(node: Expr, at_least: int, names: Mapping[Expr, str]) -> str:
    text, level = _write(node, names)
    return text if level >= at_least else f"({text})"


def _call(function: str, args: Iterable[Expr], names: Mapping[Expr, str]) -> tuple[str, int]:
    return f"{function}({', '.join(write(a, names) for a in args)})", ATOM


def _number(node: Expr) -> tuple[str, int]:
    assert node.value is not None
    text = repr(node.value)
    # As whole numbers are written by hand; -0.0 and what no int holds stay floating point.
    if abs(node.value) < 2**31 and text != "-0.0":
        text = text.removesuffix(".0")
    return text, UNARY if text.startswith("-") else ATOM
