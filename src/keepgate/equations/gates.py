"""Gates: which expressions lie between 0 and 1, and which biases set one at zero input and state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .additive import replaced
from .derivative import derivative
from .expr import Expr, evaluate, sigmoid, softplus, topological
from .graph import Graph
from .simplify import ONE, ZERO


@dataclass(frozen=True, kw_only=True, eq=False)
class GateBias:
    """The bias of one gate block, or a vector that is added like one, and what it must be for a gate of given log-odds.

    preactivation: slope · bias + what else the step adds, at zero input and state.
    complement: whether it is a gate's complement that is to have the log-odds, as z where 1 - z keeps.
    link: the preactivation for given log-odds, negated first for a complement; the identity for a sigmoid.
    """

    name: str
    preactivation: Expr
    slope: float
    complement: bool
    link: Callable[[Any], Any]

    @property
    def sign(self) -> int:
        """1 where a larger bias opens the gate, -1 where it closes it, as that of z closes 1 - z."""
        return 1 if (self.slope > 0) != self.complement else -1

    def total(self, log_odds: Any, values: Mapping[str, Any]) -> Any:
        """The bias with which the gate has these log-odds.

        values: of symbols by their names; the others, inputs, states and the bias itself, count as 0.
        """
        below = [node for node in topological([self.preactivation]) if node.op in ("symbol", "product")]
        value_of = {node: values.get(str(node.name), 0 * log_odds) for node in below}
        (rest,) = evaluate([self.preactivation], value_of)
        return (self.link(-log_odds if self.complement else log_odds) - rest) / self.slope


def is_gate(node: Expr) -> bool:
    """Whether a value lies in [0, 1] for all inputs, recognised by the forms in the literature."""
    match node.op, node.args:
        case "sigmoid", _:
            return True
        case "sub", (one, other):
            return one.op == "const" and one.value == 1 and is_gate(other)
        case "mul", (a, b):
            return is_gate(a) and is_gate(b)
        case "div", (part, whole):  # f / (f + i), as in the minLSTM
            return whole.op == "add" and part in whole.args and all(map(is_gate, whole.args))
        case "exp", (shifted,):  # exp(a - maximum(a, b)), as in the sLSTM
            if shifted.op != "sub":
                return False
            part, largest = shifted.args
            return largest.op == "maximum" and part in largest.args
    return _clipped(node) is not None


def _clipped(node: Expr) -> Expr | None:
    """x of the hard sigmoid, x clipped to [0, 1], whichever bound comes first; None for any other node."""
    for outer, inner, bounds in (("maximum", "minimum", (0, 1)), ("minimum", "maximum", (1, 0))):
        bounded = _bounded(node, outer, bounds[0])
        x = None if bounded is None else _bounded(bounded, inner, bounds[1])
        if x is not None:
            return x
    return None


def _bounded(node: Expr, op: str, bound: float) -> Expr | None:
    """x of maximum(x, bound) or minimum(x, bound), in either order, relu(x) among them."""
    if (node.op, op, bound) == ("relu", "maximum", 0):
        return node.args[0]
    if node.op != op:
        return None
    first, second = node.args
    if second.op == "const" and second.value == bound:
        return first
    return second if first.op == "const" and first.value == bound else None


def gate_biases(graph: Graph, gate: Expr) -> tuple[GateBias, ...] | None:
    """The biases that set a gate, its own block's first; None where no bias of a single block does.

    Two of them where a gate is a share, f / (f + i): the other's has the other sign, so that their sum is 1 and the
    gate has the log-odds of f. In the sLSTM's exp(a - maximum(a, b)) the other is set to 0, as b then is. A block that
    would have to be set twice sets nothing.
    """
    conditions = _conditions(gate, graph, complement=False)
    biases = [_solved(graph, *condition) for condition in conditions or ()]
    solved = [bias for bias in biases if bias is not None]
    blocks = {bias.name for bias in solved}
    return tuple(solved) if biases and len(blocks) == len(biases) else None


# A preactivation, whether it acts on the gate's complement, and what it is of the gate's log-odds.
_Condition = tuple[Expr, bool, Callable[[Any], Any]]


def _conditions(gate: Expr, graph: Graph, *, complement: bool) -> list[_Condition] | None:
    """What must hold of the preactivations for the gate, or its complement, to have given log-odds; None if unknown."""
    x = _clipped(gate)
    if x is not None:
        return [(x, complement, sigmoid)]
    match gate.op, gate.args:
        case "sigmoid", (x,):
            return [(x, complement, _identity)]
        case "sub", (one, complementary) if one is ONE:
            return _conditions(complementary, graph, complement=not complement)
        case "div", (part, whole) if is_gate(gate):
            rest = whole.args[1] if whole.args[0] is part else whole.args[0]
            of_part = _conditions(part, graph, complement=complement)
            of_rest = _conditions(rest, graph, complement=not complement)
            return None if of_part is None or of_rest is None else of_part + of_rest
        case "exp", (shifted,) if is_gate(gate):
            part, largest = shifted.args
            rest = largest.args[1] if largest.args[0] is part else largest.args[0]
            return [_logarithm(part, graph, complement), (rest, not complement, _zero)]
    return None


def _logarithm(part: Expr, graph: Graph, complement: bool) -> _Condition:
    """The condition on the logarithm of a gate: log sigmoid(x) = -softplus(-x), or x itself of an exponential gate."""
    part = replaced(part, dict.fromkeys(graph.previous.values(), ZERO))
    match part.op, part.args:
        case "neg", (soft,) if soft.op == "softplus" and soft.args[0].op == "neg":
            return soft.args[0].args[0], complement, _identity
        case "log", (gate,) if gate.op == "sigmoid":
            return gate.args[0], complement, _identity
    return part, complement, _log_sigmoid


def _solved(
    graph: Graph, preactivation: Expr, complement: bool, link: Callable[[Any], Any]
) -> GateBias | None:
    """The one block or vector in which the preactivation is affine."""
    slopes = {name: derivative(preactivation, wx) for name, wx in graph.wx.items()}
    if sum(slope is not ZERO for slope in slopes.values()) != 1 or not any(map(_is_number, slopes.values())):
        # Where wx is normalised first, what is added to it is a weight per unit.
        slopes = {name: derivative(preactivation, node) for name, node in graph.vectors.items()}
    numbers = {name: slope for name, slope in slopes.items() if _is_number(slope)}
    if len(numbers) != 1:
        return None
    ((name, slope),) = numbers.items()
    (factor,) = evaluate([slope], {})
    return GateBias(name=name, preactivation=preactivation, slope=factor, complement=complement, link=link)


def _is_number(slope: Expr) -> bool:
    return slope is not ZERO and not any(node.op in ("symbol", "product") for node in topological([slope]))


def _identity(log_odds: Any) -> Any:
    return log_odds


def _zero(log_odds: Any) -> Any:
    return 0 * log_odds


def _log_sigmoid(log_odds: Any) -> Any:
    return -softplus(-log_odds)
