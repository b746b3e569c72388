"""A loop over time in numpy, by a cell's equations, for the cells that the C++ core does not run."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..equations import Cell, Expr, topological
from ..errors import CellError
from .functions import linear

Array = NDArray[Any]

_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "abs": abs,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "relu": lambda x: np.maximum(x, 0),
    "sqrt": np.sqrt,
    "softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
    "row_mean": lambda x, heads=1: _row_mean(x, int(heads)),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "step_of": lambda x: (x > 0).astype(x.dtype),
    "greater": lambda x, y: np.greater(x, y).astype(np.result_type(x, y)),
    "where": lambda condition, x, y: np.where(condition != 0, x, y),
}


def _row_mean(x: Array, heads: int) -> Array:
    parts = x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)
    return np.broadcast_to(parts.mean(-1, keepdims=True), parts.shape).reshape(x.shape)


def run_loop(
    cell: Cell,
    weights: Mapping[str, Array],
    x: Array,
    states: tuple[Array, ...],
    lengths: Array | None,
    resets: Array | None,
    reverse: bool,
) -> tuple[Array, tuple[Array, ...]]:
    """Output [time, batch, units] and final states, as `Place.run` gives them."""
    wx = linear(x, weights["weight_ih"], weights.get("bias_ih"))
    steps, rows = x.shape[:2]
    output = np.zeros((steps, rows, states[0].shape[1]), x.dtype)
    for t in reversed(range(steps)) if reverse else range(steps):
        real = np.ones((rows, 1), bool) if lengths is None else (t < lengths)[:, None]
        previous = states
        boundary = t + 1 if reverse else t
        if resets is not None and boundary < steps:
            inside = True if lengths is None else boundary < lengths
            begins = (resets[boundary].astype(bool) & inside)[:, None]
            previous = tuple(np.where(begins, 0, state).astype(x.dtype) for state in states)
        with np.errstate(over="ignore"):  # of e^-x in a sigmoid far below 0, which is 0
            new = _step(cell, weights, wx[t], previous)
        if "weight_hr" in weights:
            new[0] = linear(new[0], weights["weight_hr"])
        output[t] = np.where(real, new[0], 0)
        states = tuple(np.where(real, after, before) for after, before in zip(new, previous, strict=True))
    return output, states


def _step(cell: Cell, weights: Mapping[str, Array], wx: Array, previous: tuple[Array, ...]) -> list[Array]:
    """The new states of every row."""
    graph, gates = cell.graph, len(cell.gates)
    blocks = dict(zip(cell.gates, np.split(wx, gates, -1), strict=True))
    values: dict[Expr, Any] = {node: blocks[gate] for gate, node in graph.wx.items()}
    values |= {node: weights[name] for name, node in graph.vectors.items()}
    values |= dict(zip(graph.previous.values(), previous, strict=True))
    matrix, bias = weights.get("weight_hh"), weights.get("bias_hh")
    if cell.recurrent in ("dense", "diagonal"):
        assert matrix is not None
        state = previous[cell.states.index(cell.recurrent_state)]
        if cell.recurrent == "dense":
            uh = linear(state, matrix, bias)
        else:
            uh = np.tile(state, gates) * matrix + (0 if bias is None else bias)
        blocks = dict(zip(cell.gates, np.split(uh, gates, -1), strict=True))
        values |= {node: blocks[gate] for gate, node in graph.uh.items()}
    for node in topological(graph.next.values(), stop=values.keys()):
        if node in values:
            continue
        if node.op == "const":
            values[node] = wx.dtype.type(node.value)
        elif node.op == "product":
            block = cell.gates.index(str(node.args[0].name).removeprefix("u_"))
            assert matrix is not None
            rows = slice(block * len(matrix) // gates, (block + 1) * len(matrix) // gates)
            operand = values[node.args[1]]
            values[node] = linear(operand, matrix[rows], None if bias is None else bias[rows])
        elif node.op in _OPERATIONS:
            values[node] = _OPERATIONS[node.op](*(values[argument] for argument in node.args))
        elif node.op != "symbol":
            raise CellError(
                f"the step of {cell.name} has {node.op}, for which no numpy function is written down"
            )
    shape = len(wx), previous[-1].shape[1]
    # What is made of weights per unit alone is the same in every row.
    return [np.broadcast_to(values[node], shape) for node in graph.next.values()]
