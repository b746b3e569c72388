"""An expression as C++ text, with every product that is only added to something fused with the addition.

The text is compiled without contraction, so that the same operations run, with the same bits, wherever it is
inlined: which product is fused must stand in it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..equations import Expr
from ..equations.expr import INFIX
from .statements import Write

# How tightly an operation binds, from loose to tight.
SUM, PRODUCT, UNARY, ATOM = range(4)


@dataclass(frozen=True)
class Dialect:
    """How a language calls the functions of a step, and writes its numbers."""

    function: Callable[[str], str]
    number: Callable[[Expr], str]


def number_text(node: Expr) -> str:
    """A constant as C++ text."""
    assert node.value is not None
    text = repr(node.value)
    # As whole numbers are written by hand; -0.0 and what no int holds stay floating point.
    return text.removesuffix(".0") if abs(node.value) < 2**31 and text != "-0.0" else text


def writer(function: Callable[[str], str], number: Callable[[Expr], str]) -> Write:
    """What writes a node as text that computes it from the nodes that have names, in a dialect of C."""
    dialect = Dialect(function, number)
    return lambda node, names: _write(node, names, dialect)[0]


write = writer(str, number_text)


def _write(node: Expr, names: Mapping[Expr, str], dialect: Dialect) -> tuple[str, int]:
    """The text, and how tightly its outermost operation binds."""
    if node in names:
        return names[node], ATOM
    match node.op, node.args:
        case "const", _:
            text = dialect.number(node)
            return text, UNARY if text.startswith("-") else ATOM
        case "neg", (a,):
            return f"-{_operand(a, ATOM, names, dialect)}", UNARY
        case "add", (a, b) if _fuses(a, names):
            return _call("fma", (*a.args, b), names, dialect)
        case "add", (a, b) if _fuses(b, names):
            return _call("fma", (*b.args, a), names, dialect)
        case "sub", (a, b) if _fuses(a, names):
            return _call("fms", (*a.args, b), names, dialect)
        case "sub", (a, b) if _fuses(b, names):
            return _call("fnma", (*b.args, a), names, dialect)
        case "sub", (a, b) if b.op == "neg" and b not in names:
            return _infix("+", a, b.args[0], SUM, names, dialect)
        case (("add" | "sub"), (a, b)):
            return _infix(INFIX[node.op], a, b, SUM, names, dialect)
        case (("mul" | "div"), (a, b)):
            return _infix(INFIX[node.op], a, b, PRODUCT, names, dialect)
    return _call(node.op, node.args, names, dialect)


def _fuses(node: Expr, names: Mapping[Expr, str]) -> bool:
    return node.op == "mul" and node not in names


def _infix(
    sign: str, a: Expr, b: Expr, level: int, names: Mapping[Expr, str], dialect: Dialect
) -> tuple[str, int]:
    # Brackets on the right keep the order in which the graph computes: a - (b + c), d * (i * (1 - i)).
    return f"{_operand(a, level, names, dialect)} {sign} {_operand(b, level + 1, names, dialect)}", level


def _operand(node: Expr, at_least: int, names: Mapping[Expr, str], dialect: Dialect) -> str:
    text, level = _write(node, names, dialect)
    return text if level >= at_least else f"({text})"


def _call(
    function: str, args: Iterable[Expr], names: Mapping[Expr, str], dialect: Dialect
) -> tuple[str, int]:
    return f"{dialect.function(function)}({', '.join(_write(a, names, dialect)[0] for a in args)})", ATOM
