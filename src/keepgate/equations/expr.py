"""Expressions over one hidden unit, elementwise but for `row_mean`: the same function runs on tensors and on symbols.

Given tensors, `sigmoid(x)` computes, at the cost of the tensor's own method. Given symbols it builds a
node of a graph, from which derivatives, kernels and formulas are made.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from ..errors import CellError


@dataclass(frozen=True, eq=False, repr=False, slots=True, weakref_slot=True)
class Expr:
    """One node of a graph. Equal nodes that live at the same time are the same object.

    op: "symbol", "const", "product" or a key of OPERATIONS.
    name: a symbol's name; value: a constant's number.
    """

    op: str
    args: tuple[Expr, ...] = ()
    name: str | None = None
    value: float | None = None

    def __add__(self, other: object) -> Any:
        return _binary("add", self, other)

    def __radd__(self, other: object) -> Any:
        return _binary("add", other, self)

    def __sub__(self, other: object) -> Any:
        return _binary("sub", self, other)

    def __rsub__(self, other: object) -> Any:
        return _binary("sub", other, self)

    def __mul__(self, other: object) -> Any:
        return _binary("mul", self, other)

    def __rmul__(self, other: object) -> Any:
        return _binary("mul", other, self)

    def __truediv__(self, other: object) -> Any:
        return _binary("div", self, other)

    def __rtruediv__(self, other: object) -> Any:
        return _binary("div", other, self)

    def __neg__(self) -> Expr:
        return make("neg", self)

    def __abs__(self) -> Expr:
        return make("abs", self)

    def __bool__(self) -> bool:
        raise CellError(
            f"a step branched on {self}, but a step is run on symbols too, which have no value; "
            "choose without branching: relu, maximum, minimum, step_of, greater, where"
        )

    def _compared(self, other: object) -> bool:
        raise CellError(
            f"a step compared {self} with {other!r} by a sign; write greater(x, y), which is 1 where x > y and else 0, "
            "and where(condition, x, y) to choose"
        )

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __repr__(self) -> str:
        match self.op:
            case "symbol":
                return str(self.name)
            case "const":
                return f"{self.value:g}"
            case "neg":
                return f"-{self.args[0]}"
        if self.op in INFIX:
            return f"({self.args[0]} {INFIX[self.op]} {self.args[1]})"
        return f"{self.op}({', '.join(map(repr, self.args))})"

    # The methods that a tensor has too, so that one function serves both.

    def sigmoid(self) -> Expr:
        return make("sigmoid", self)

    def tanh(self) -> Expr:
        return make("tanh", self)

    def exp(self) -> Expr:
        return make("exp", self)

    def log(self) -> Expr:
        return make("log", self)

    def sqrt(self) -> Expr:
        return make("sqrt", self)

    def relu(self) -> Expr:
        return make("relu", self)

    def maximum(self, other: Expr) -> Expr:
        if not isinstance(other, Expr):
            raise CellError(
                f"maximum was given {other!r}, but a tensor's maximum takes another tensor; "
                "for a number a write relu(x - a) + a"
            )
        return make("maximum", self, other)


# Weak values: a graph that nobody holds any more leaves nothing behind.
_living: WeakValueDictionary[tuple[object, ...], Expr] = WeakValueDictionary()
_lock = Lock()


def make(op: str, *args: Expr, name: str | None = None, value: float | None = None) -> Expr:
    """The one node of this operation on these arguments."""
    # hex(): 0.0 and -0.0 are equal as keys but not as numbers.
    key = (op, args, name, None if value is None else value.hex())
    with _lock:
        node = _living.get(key)
        if node is None:
            node = _living[key] = Expr(op, args, name, value)
        return node


def symbol(name: str) -> Expr:
    """A value known only by its name."""
    return make("symbol", name=name)


def const(value: float) -> Expr:
    """A number as a node."""
    return make("const", value=float(value))


def product(block: str, value: object) -> Expr:
    """A matrix product of `value` inside the step: opaque, since it mixes units. Raises TypeError for no expression."""
    if isinstance(value, int | float):
        value = const(value)
    if not isinstance(value, Expr):
        raise TypeError(f"a matrix multiplies an expression of the step, not {type(value).__name__}")
    return make("product", symbol(block), value)


def _binary(op: str, left: object, right: object) -> Any:
    pair = []
    for side in (left, right):
        if isinstance(side, int | float):
            pair.append(const(side))
        elif isinstance(side, Expr):
            pair.append(side)
        else:
            return NotImplemented
    return make(op, *pair)


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), between 0 and 1."""
    return x.sigmoid()


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, between -1 and 1."""
    return x.tanh()


def exp(x: Any) -> Any:
    """e to the power x."""
    return x.exp()


def log(x: Any) -> Any:
    """The natural logarithm."""
    return x.log()


def relu(x: Any) -> Any:
    """x where it is above 0, else 0."""
    return x.relu()


def sqrt(x: Any) -> Any:
    """The square root."""
    return x.sqrt()


def softplus(x: Any) -> Any:
    """log(1 + e^x), above 0: a smooth relu."""
    return make("softplus", x) if isinstance(x, Expr) else x.logaddexp(x.new_zeros(()))


def maximum(x: Any, y: Any) -> Any:
    """The larger of two values, or of a value and a number; both get half of the gradient where they are equal."""
    if isinstance(x, Expr) or isinstance(y, Expr):
        return _binary("maximum", x, y)
    x, y = _tensors(x, y)
    return x.maximum(y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller of two values, or of a value and a number; both get half of the gradient where they are equal."""
    if isinstance(x, Expr) or isinstance(y, Expr):
        return _binary("minimum", x, y)
    x, y = _tensors(x, y)
    return x.minimum(y)


def row_mean(x: Any, heads: int = 1) -> Any:
    """The mean over the units of a row, in each of its units; with heads, over each of as many equal parts of the row.

    A layer's hidden_size must be a multiple of heads.
    """
    if type(heads) is not int or heads < 1:
        raise CellError(f"row_mean was given heads={heads!r}; it takes a whole number, 1 or more")
    if isinstance(x, Expr):
        return make("row_mean", x) if heads == 1 else make("row_mean", x, const(heads))
    if heads == 1:
        return x.mean(-1, keepdim=True).expand(x.shape)
    parts = x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)
    return parts.mean(-1, keepdim=True).expand(parts.shape).reshape(x.shape)


def heads_of(mean: Expr) -> int:
    """Over how many heads a node of `row_mean` takes means."""
    return int(mean.args[1].value or 1) if len(mean.args) > 1 else 1


def step_of(x: Any) -> Any:
    """1 where x is above 0, else 0."""
    return make("step_of", x) if isinstance(x, Expr) else (x > 0).to(x.dtype)


def greater(x: Any, y: Any) -> Any:
    """1 where x > y, else 0."""
    if isinstance(x, Expr) or isinstance(y, Expr):
        return _binary("greater", x, y)
    x, y = _tensors(x, y)
    return (x > y).to(x.dtype)


def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition is not 0, else y."""
    if any(isinstance(part, Expr) for part in (condition, x, y)):
        return make("where", *(part if isinstance(part, Expr) else const(part) for part in (condition, x, y)))
    x, y = (part if hasattr(part, "new_full") else condition.new_full((), part) for part in (x, y))
    return x.where(condition != 0, y)


def _tensors(x: Any, y: Any) -> tuple[Any, Any]:
    """Two tensors, where one of the two may be a number."""
    if isinstance(x, int | float):
        return y.new_full((), x), y
    return x, x.new_full((), y) if isinstance(y, int | float) else y


INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}

OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "exp": exp,
    "log": log,
    "relu": relu,
    "sqrt": sqrt,
    "abs": abs,
    "softplus": softplus,
    "maximum": maximum,
    "minimum": minimum,
    "step_of": step_of,
    "row_mean": lambda x, heads=1: row_mean(x, int(heads)),
    "greater": greater,
    "where": where,
}


def topological(roots: Iterable[Expr], stop: Collection[Expr] = ()) -> list[Expr]:
    """Every node below `roots`, once, each after its arguments; nothing below a node of `stop`."""
    order: list[Expr] = []
    visited: set[Expr] = set()
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, arguments_done = stack.pop()
        if arguments_done:
            order.append(node)
        elif node not in visited:
            visited.add(node)
            stack.append((node, True))
            if node not in stop:
                stack.extend((argument, False) for argument in reversed(node.args))
    return order


def head_constants(order: Iterable[Expr]) -> dict[Expr, tuple[Expr, ...]]:
    """Of nodes in topological order those that are alike in all units of a head, and the heads, as the rest of the
    arguments of a row_mean: means, and what is made of constants and means over as many heads, or over the row."""
    heads: dict[Expr, tuple[Expr, ...]] = {}
    for node in order:
        if node.op == "row_mean":
            heads[node] = node.args[1:]
            continue
        rest = [argument for argument in node.args if argument.op != "const"]
        if rest and all(argument in heads for argument in rest):
            parted = {heads[argument] for argument in rest} - {()}
            if len(parted) <= 1:
                heads[node] = next(iter(parted), ())
    return heads


def row_constants(order: Iterable[Expr]) -> set[Expr]:
    """Of nodes in topological order those that are alike in all units of a row."""
    return {node for node, heads in head_constants(order).items() if not heads}


def evaluate(results: Iterable[Expr], given: Mapping[Expr, Any]) -> list[Any]:
    """The values of `results`, from the values of the given nodes, operation by operation as written.

    A result that is a constant comes back as a float. Raises CellError where a needed symbol is not given.
    """
    results = list(results)
    values = dict(given)
    for node in topological(results, stop=given.keys()):
        if node in values:
            continue
        if node.op == "const":
            values[node] = node.value
        elif node.op in OPERATIONS:
            values[node] = OPERATIONS[node.op](*(values[argument] for argument in node.args))
        else:
            raise CellError(f"{node} has no value; give it beside {', '.join(map(repr, given)) or 'nothing'}")
    return [values[node] for node in results]
