"""Formulas of one or two values, with every operation of a cell's language, and numbers at which these may go wrong."""

import torch

from keepgate.equations import (
    exp,
    greater,
    log,
    maximum,
    minimum,
    relu,
    sigmoid,
    softplus,
    sqrt,
    step_of,
    tanh,
    where,
)

# Each takes two values, and some use one.
FORMULAS = {
    "add": lambda a, b: a + b,
    "add a number": lambda a, _: a + 2,
    "number add": lambda a, _: 2 + a,
    "sub": lambda a, b: a - b,
    "sub a number": lambda a, _: a - 2,
    "number sub": lambda a, _: 1 - a,
    "mul": lambda a, b: a * b,
    "number mul": lambda a, _: 0.1 * a,
    "div": lambda a, b: a / b,
    "div by a number": lambda a, _: a / 3,
    "number div": lambda a, _: 3 / a,
    "neg": lambda a, _: -a,
    "sigmoid": lambda a, _: sigmoid(a),
    "tanh": lambda a, _: tanh(a),
    "exp": lambda a, _: exp(a),
    "log": lambda a, _: log(a * a),
    "relu": lambda a, _: relu(a),
    "maximum": lambda a, b: maximum(a, b),
    "minimum": lambda a, b: minimum(a, b),
    "maximum of a number": lambda a, _: maximum(a, 0.3),
    "minimum of a number": lambda a, _: minimum(0.3, a),
    "sqrt": lambda a, _: sqrt(a * a + 0.1),
    "abs": lambda a, _: abs(a),
    "softplus": lambda a, _: softplus(a),
    "greater": lambda a, b: greater(a, b) * b,
    "where": lambda a, b: where(greater(a, 0.2), a * b, b),
    "step_of": lambda a, _: step_of(a),
    "all together": lambda a, b: (1 - sigmoid(a)) * tanh(b) - relu(a) / (exp(b) + 1) + maximum(a, -b),
}

# NaN, infinities, both zeros, and what is none of these.
NUMBERS = (float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 0.3, 1.5, -2.0)


def every_triple(dtype):
    """Two values and a gradient, as columns of every triple of NUMBERS, ties among them."""
    numbers = torch.tensor(NUMBERS, dtype=dtype)
    return [column.flatten() for column in torch.meshgrid(numbers, numbers, numbers, indexing="ij")]
