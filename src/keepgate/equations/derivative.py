"""Symbolic differentiation of a step's expressions, in reverse mode."""

from collections.abc import Callable, Collection, Mapping, Sequence

from .expr import Expr, greater, make, row_constants, topological, where
from .simplify import MINUS_ONE, ONE, ZERO, fold


def _maximum(_y: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    # 1, 1/2 or 0: where both are equal each gets half, as in torch.
    first = (1 + greater(a, b) - greater(b, a)) / 2
    return first, 1 - first


# The partial derivative by each argument. y is the node itself, so that a value which is saved anyway is reused.
RULES: Mapping[str, Callable[..., tuple[Expr, ...]]] = {
    "add": lambda y, a, b: (ONE, ONE),
    "sub": lambda y, a, b: (ONE, MINUS_ONE),
    "mul": lambda y, a, b: (b, a),
    "div": lambda y, a, b: (1 / b, -(y / b)),
    "neg": lambda y, a: (MINUS_ONE,),
    "sigmoid": lambda y, a: (y * (1 - y),),
    "tanh": lambda y, a: (1 - y * y,),
    "exp": lambda y, a: (y,),
    "log": lambda y, a: (1 / a,),
    "relu": lambda y, a: (where(y, 1, 0),),  # 1 at a NaN, as in torch
    "sqrt": lambda y, a: (1 / (2 * y),),
    "abs": lambda y, a: (greater(a, 0) - greater(0, a),),
    "softplus": lambda y, a: (a.sigmoid(),),
    "maximum": _maximum,
    "minimum": lambda y, a, b: _maximum(y, b, a),
    "step_of": lambda y, a: (ZERO,),
    "greater": lambda y, a, b: (ZERO, ZERO),
    "where": lambda y, c, a, b: (ZERO, where(c, 1, 0), where(c, 0, 1)),
    "row_mean": lambda y, a: (ONE,),  # of the mean of the gradient, see `gradients`
}


def gradients(
    outputs: Sequence[Expr], upstream: Sequence[Expr], wrt: Sequence[Expr], constants: Collection[Expr] = ()
) -> list[Expr]:
    """Vector-Jacobian product: d(Σ outputs · upstream) / d(each of wrt).

    constants: nodes taken as independent of what they are computed from; a matrix product always counts as one.
    """
    gradient: dict[Expr, Expr] = {}
    row_constant = row_constants(topological(outputs, stop=constants))
    for output, factor in zip(outputs, upstream, strict=True):
        gradient[output] = _add(gradient.get(output, ZERO), factor)
    for node in reversed(topological(outputs, stop=constants)):
        if node in constants or node not in gradient or node.op not in RULES:
            continue
        # What is alike in all units of a row is made of means over it, and goes on into one: only the mean of its
        # gradient counts, which as a number of the row is cheap.
        arrives = gradient[node]
        if node in row_constant and arrives not in row_constants(topological([arrives])):
            arrives = fold("row_mean", arrives)
        for argument, local in zip(node.args, RULES[node.op](node, *node.args), strict=True):
            if argument.op != "const":
                gradient[argument] = _add(gradient.get(argument, ZERO), _mul(arrives, local))
    return [gradient.get(node, ZERO) for node in wrt]


def derivative(output: Expr, wrt: Expr, constants: Collection[Expr] = ()) -> Expr:
    """∂output/∂wrt; constants as in `gradients`."""
    return gradients([output], [ONE], [wrt], constants)[0]


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
