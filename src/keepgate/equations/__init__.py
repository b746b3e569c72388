"""The small language in which a cell's equations are written. It does not know torch."""

from .additive import AdditiveUpdate
from .analysis import Analysis
from .cell import Cell, Named, OnnxOperator, Step, cell
from .derivative import derivative, gradients
from .expr import (
    Expr,
    const,
    evaluate,
    exp,
    greater,
    log,
    maximum,
    minimum,
    relu,
    row_mean,
    sigmoid,
    softplus,
    sqrt,
    step_of,
    symbol,
    tanh,
    topological,
    where,
)
from .graph import Graph

__all__ = [
    "AdditiveUpdate",
    "Analysis",
    "Cell",
    "Expr",
    "Graph",
    "Named",
    "OnnxOperator",
    "Step",
    "cell",
    "const",
    "derivative",
    "evaluate",
    "exp",
    "gradients",
    "greater",
    "log",
    "maximum",
    "minimum",
    "relu",
    "row_mean",
    "sigmoid",
    "softplus",
    "sqrt",
    "step_of",
    "symbol",
    "tanh",
    "topological",
    "where",
]
