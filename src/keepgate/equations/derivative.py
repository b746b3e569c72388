"""Symbolic differentiation of a step's expressions, in reverse mode."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from .expr import Expr, const, greater, head_constants, make, relu, topological, where
from .simplify import MINUS_ONE, ONE, ZERO, fold


def _larger(gradient: Expr, y: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Of the larger all, of equals half each; where one is NaN all of both, as in torch."""
    unequal = greater(a, b) + greater(b, a) + relu(-abs(y))  # a NaN counts as a condition that holds
    part = where(unequal, gradient, _mul(gradient, const(0.5)))
    return _chosen(greater(b, a), ZERO, part), _chosen(greater(a, b), ZERO, part)


def _chosen(condition: Expr, x: Expr, y: Expr) -> Expr:
    # Not a product with 0 or 1, which would be NaN where the gradient is no finite number and does not pass.
    return fold("where", condition, x, y)


# The gradient by each argument, from that of the node. y is the node itself, so that a value which is saved anyway is
# reused.
RULES: Mapping[str, Callable[..., tuple[Expr, ...]]] = {
    "add": lambda g, y, a, b: (g, g),
    "sub": lambda g, y, a, b: (g, _negative(g)),
    "mul": lambda g, y, a, b: (_mul(g, b), _mul(g, a)),
    "div": lambda g, y, a, b: (_mul(g, 1 / b), _mul(g, -(y / b))),
    "neg": lambda g, y, a: (_negative(g),),
    "sigmoid": lambda g, y, a: (_mul(g, y * (1 - y)),),
    "tanh": lambda g, y, a: (_mul(g, 1 - y * y),),
    "exp": lambda g, y, a: (_mul(g, y),),
    "log": lambda g, y, a: (_mul(g, 1 / a),),
    "relu": lambda g, y, a: (_chosen(y, g, ZERO),),  # g at a NaN, as in torch
    "sqrt": lambda g, y, a: (_mul(g, 1 / (2 * y)),),
    "abs": lambda g, y, a: (_mul(g, greater(a, 0) - greater(0, a)),),
    "softplus": lambda g, y, a: (_mul(g, a.sigmoid()),),
    "maximum": _larger,
    "minimum": lambda g, y, a, b: _larger(g, y, b, a),
    "step_of": lambda g, y, a: (ZERO,),
    "greater": lambda g, y, a, b: (ZERO, ZERO),
    "where": lambda g, y, c, a, b: (ZERO, _chosen(c, g, ZERO), _chosen(c, ZERO, g)),
    "row_mean": lambda g, y, a, *heads: (
        g,
        *[ZERO] * len(heads),
    ),  # g is the gradient's mean, see `gradients`
}


def gradients(
    outputs: Sequence[Expr], upstream: Sequence[Expr], wrt: Sequence[Expr], constants: Collection[Expr] = ()
) -> list[Expr]:
    """Vector-Jacobian product: d(Σ outputs · upstream) / d(each of wrt).

    constants: nodes taken as independent of what they are computed from; a matrix product always counts as one.
    """
    gradient: dict[Expr, Expr] = {}
    heads, stop = head_constants(topological(outputs, stop=constants)), {*wrt, *constants}
    for output, factor in zip(outputs, upstream, strict=True):
        gradient[output] = _add(gradient.get(output, ZERO), factor)
    for node in reversed(topological(outputs, stop=constants)):
        if node in constants or node not in gradient or node.op not in RULES:
            continue
        # What is alike in all units of a row or a head is made of means over it, and goes on into one: only the mean
        # of its gradient counts, which as a number of the row is cheap.
        arrives = _mean(gradient[node], heads[node]) if node in heads else gradient[node]
        parts: dict[Expr, Expr] = {}  # of each argument once: a * a adds its two parts first
        for argument, part in _parts(arrives, node, stop):
            parts[argument] = _add(parts.get(argument, ZERO), part)
        for argument, part in parts.items():
            if argument.op != "const":
                gradient[argument] = _add(gradient.get(argument, ZERO), part)
    return [gradient.get(node, ZERO) for node in wrt]


def _parts(g: Expr, node: Expr, stop: Collection[Expr]) -> Iterable[tuple[Expr, Expr]]:
    """What a node is computed from, and the gradient by each. 1 / sqrt(a) is one operation but for a root in `stop`."""
    if node.op == "div" and node.args[0] is ONE and node.args[1].op == "sqrt" and node.args[1] not in stop:
        return [(node.args[1].args[0], _negative(_mul(g, 0.5 * (node * node * node))))]
    return zip(node.args, RULES[node.op](g, node, *node.args), strict=True)


def derivative(output: Expr, wrt: Expr, constants: Collection[Expr] = ()) -> Expr:
    """∂output/∂wrt; constants as in `gradients`."""
    return gradients([output], [ONE], [wrt], constants)[0]


# The mean of a gradient over a row or heads.

# Sums that share their terms would have two to the power of their depth.
_MOST_TERMS = 256


def _mean(node: Expr, heads: tuple[Expr, ...]) -> Expr:
    """The mean: factors that are alike there are taken out, and what has mean 0 is left out, such as deviations."""
    alike = {n for n, parts in head_constants(topological([node])).items() if parts in ((), heads)}
    if node in alike:
        return node
    sums: dict[Expr, Expr] = {}
    for factor, term in _terms(node, alike):
        sums[factor] = _add(sums.get(factor, ZERO), term)
    if list(sums) == [ONE]:
        sums = {ONE: node}
    mean = ZERO
    for factor, terms in sums.items():
        if not _has_mean_0(terms, heads):
            mean = _add(mean, _mul(factor, fold("row_mean", terms, *heads)))
    return mean


def _terms(node: Expr, alike: Collection[Expr]) -> list[tuple[Expr, Expr]]:
    """The terms of a sum, each with its factor of `alike`, or 1; the node itself where there would be too many."""
    terms_of: dict[Expr, list[tuple[Expr, Expr]]] = {}
    for part in topological([node], stop=alike):
        terms = [(ONE, part)]
        match part.op, part.args:
            case _ if part in alike:
                pass
            case "neg", (a,):
                terms = [(factor, _negative(term)) for factor, term in terms_of[a]]
            case "add", (a, b):
                terms = terms_of[a] + terms_of[b]
            case "sub", (a, b):
                terms = terms_of[a] + [(factor, _negative(term)) for factor, term in terms_of[b]]
            case "mul", (a, b) if a in alike or b in alike:
                outer, inner = (a, b) if a in alike else (b, a)
                terms = [(_mul(outer, factor), term) for factor, term in terms_of[inner]]
        terms_of[part] = terms if len(terms) <= _MOST_TERMS else [(ONE, part)]
    return terms_of[node]


def _has_mean_0(node: Expr, heads: tuple[Expr, ...]) -> bool:
    """Whether a sum has mean 0 over a row or heads whatever its terms are: x - row_mean(x)."""
    weights: dict[Expr, float] = defaultdict(float, {node: 1.0})
    magnitudes: dict[Expr, float] = defaultdict(float, {node: 1.0})  # of all that was added up to a weight
    for part in reversed(topological([node])):
        match part.op, part.args:
            case "neg", (a,):
                factors = [(a, -1.0)]
            case "add", (a, b):
                factors = [(a, 1.0), (b, 1.0)]
            case "sub", (a, b):
                factors = [(a, 1.0), (b, -1.0)]
            case "mul", (a, b) if b.value is not None:
                factors = [(a, b.value)]
            case "mul", (a, b) if a.value is not None:
                factors = [(b, a.value)]
            case "row_mean", (a, *parts) if tuple(parts) == heads:
                factors = [(a, 1.0)]
            case _ if abs(weights[part]) > 1e-9 * magnitudes[part]:  # more than float64 rounds in adding up
                return False
            case _:
                factors = []
        for argument, factor in factors:
            weights[argument] += factor * weights[part]
            magnitudes[argument] += abs(factor) * magnitudes[part]
    return True


# Simplification, so that a derivative reads as it would be written by hand: constants folded, signs moved outwards, one
# division instead of a product with 1 / b, common factors taken out.


def _add(a: Expr, b: Expr) -> Expr:
    if a.op == b.op == "neg":
        return _negative(_factored("add", a.args[0], b.args[0]))
    if b.op == "neg":
        return _factored("sub", a, b.args[0])
    if a.op == "neg":
        return _factored("sub", b, a.args[0])
    return _factored("add", a, b)


def _factored(op: str, a: Expr, b: Expr) -> Expr:
    """a + b or a - b; f * (a + b) where both are products of the same f first."""
    if a is b and op == "add" and a.op == "mul":
        return make("mul", make("add", a.args[0], a.args[0]), a.args[1])
    if a.op == b.op == "mul" and a.args[0] is b.args[0]:
        return make("mul", a.args[0], make(op, a.args[1], b.args[1]))
    return fold(op, a, b)


def _mul(a: Expr, b: Expr) -> Expr:
    if a is MINUS_ONE:
        return _negative(b)
    if b is MINUS_ONE:
        return _negative(a)
    if a.op == "neg":
        return _negative(_mul(a.args[0], b))
    if b.op == "neg":
        return _negative(_mul(a, b.args[0]))
    # What a normalisation divides by, 1 / sqrt(x), is one number for all units of a row.
    if b.op == "div" and b.args[0] is ONE and b.args[1].op != "sqrt":
        return fold("div", a, b.args[1])
    return fold("mul", a, b)


def _negative(a: Expr) -> Expr:
    return a.args[0] if a.op == "neg" else fold("neg", a)
