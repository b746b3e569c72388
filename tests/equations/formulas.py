"""Formulas of one or two values, with every operation of a cell's language."""

from keepgate.equations import exp, log, maximum, relu, sigmoid, step_of, tanh

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
    "step_of": lambda a, _: step_of(a),
    "all together": lambda a, b: (1 - sigmoid(a)) * tanh(b) - relu(a) / (exp(b) + 1) + maximum(a, -b),
}
