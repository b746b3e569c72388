"""Constant folding: an operation whose argument is 0 or 1 as the simpler node that it equals."""

from .expr import Expr, const, make

ZERO, ONE, MINUS_ONE = const(0), const(1), const(-1)


def fold(op: str, *arguments: Expr) -> Expr:
    """The node, or a simpler one of the same value where an argument is 0 or 1, or both are the same."""
    zero = [argument is ZERO for argument in arguments]
    match op:
        case "mul" if any(zero):
            return ZERO
        case "mul" if ONE in arguments:
            return arguments[1] if arguments[0] is ONE else arguments[0]
        case "div" | "tanh" | "relu" | "neg" | "abs" | "sqrt" if zero[0]:
            return ZERO
        case "row_mean" if arguments[0].op == "const":
            return arguments[0]
        case "row_mean" if arguments[0].op == "row_mean" and arguments[0].args[1:] in ((), arguments[1:]):
            return arguments[0]
        case "sub" if arguments[0] is arguments[1]:
            return ZERO
        case "where" if arguments[1] is arguments[2]:
            return arguments[1]
        case "add" | "sub" if zero[1]:
            return arguments[0]
        case "add" if zero[0]:
            return arguments[1]
        case "sub" if zero[0]:
            return make("neg", arguments[1])
    return make(op, *arguments)
