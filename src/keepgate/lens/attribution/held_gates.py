"""Recurrent layers with every gate held: affine in what they read, and the layers themselves where the gates are from.

Each gate (a sigmoid) stays what it is in the first row, and so does the quotient tanh(u) / u of each tanh: a product of
a gate and a signal is then linear in the signal. What is left of a network is a weighted sum of what was read, whose
terms say what each step's features carry into the output, along the memory and through every later candidate. They do
not say what a feature does by opening or closing gates. Source: "LRP-all" of Arras et al. (2019), arXiv:1909.12114.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from ...equations import Expr, topological
from ...equations.expr import OPERATIONS
from ...errors import CellError
from ...kernels import Call
from ...kernels.reference import recurrent_product
from ...nn.input_format import batch_layout
from ...nn.stack import run_stack
from ..capture.layer_run import as_keepgate_layer


@contextmanager
def gates_held(model: nn.Module) -> Iterator[None]:
    """While it lasts, every recurrent layer of the model computes each row with the gates of the first one.

    Rows are equally long. Raises CellError, in the model's call, for a cell that is not linear once its gates are held,
    and for resets.
    """
    layers = [part for part in model.modules() if isinstance(part, nn.RNNBase)]
    # First: a hook of the user's may change what the layer gives.
    hooks = [layer.register_forward_hook(_instead, with_kwargs=True, prepend=True) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _instead(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> Any:
    arguments = dict(zip(("input", "hx"), args, strict=False)) | kwargs
    if arguments.get("resets") is not None:
        raise CellError(
            "a run with resets is several sequences in a row; its gates cannot be held over all of them"
        )
    layer = as_keepgate_layer(module)
    layout = batch_layout(
        arguments["input"], arguments.get("lengths"), module.batch_first, type(module).__name__
    )
    weights = layer.weights()
    initial = layout.initial_states(
        arguments.get("hx"), layer.cell.states, weights[0].states, len(weights), type(module).__name__
    )
    final = list(initial)

    def run_place(place: int, call: Call) -> Tensor:
        output, final[place] = _run(call)
        return output

    output = run_stack(weights, layer.directions, layout.x, initial, run_place)
    return layout.output(output), layout.final_states(final)


def _run(call: Call) -> tuple[Float[Tensor, "time rows units"], tuple[Tensor, ...]]:
    """Output and final states of one layer and direction, step by step."""
    cell, graph = call.cell, call.cell.graph
    order = topological(graph.next.values())
    blocks: dict[str, Tensor] = {}
    if cell.recurrent == "in_step" and call.weight_hh is not None:
        blocks = dict(zip(cell.gates, call.weight_hh.chunk(len(cell.gates)), strict=True))
    vectors = {graph.vectors[name]: v for name, v in zip(cell.vectors, call.vectors, strict=True)}
    wx = linear(call.x, call.weight_ih, call.bias_ih).unbind(0)
    states, outputs = call.states, []
    for t in reversed(range(call.steps)) if call.reverse else range(call.steps):
        values: dict[Expr, Any] = dict(vectors)
        values |= zip(graph.previous.values(), states, strict=True)
        values |= zip(graph.wx.values(), wx[t].chunk(len(cell.gates), -1), strict=True)
        if graph.uh:
            uh = recurrent_product(call, states[cell.states.index(cell.recurrent_state)]).chunk(
                len(cell.gates), -1
            )
            values |= zip(graph.uh.values(), uh, strict=True)
        for node in order:
            if node not in values:
                values[node] = _value(node, values, blocks, call)
        states = tuple(values[graph.next[name]].expand(call.rows, -1) for name in cell.states)
        if call.weight_hr is not None:
            states = (linear(states[0], call.weight_hr), *states[1:])
        outputs.append(states[0])
    return torch.stack(outputs[::-1] if call.reverse else outputs), states


def _value(node: Expr, values: Mapping[Expr, Any], blocks: Mapping[str, Tensor], call: Call) -> Any:
    if node.op == "const":
        return node.value
    if node.op == "symbol":  # the block of a product's weights
        return None
    arguments = [values[argument] for argument in node.args]
    if node.op == "product":
        gate = str(node.args[0].name).removeprefix("u_")
        biases = None if call.bias_hh is None else call.bias_hh.chunk(len(call.cell.gates))
        bias = None if biases is None else biases[call.cell.gates.index(gate)]
        return linear(arguments[1], blocks[gate], bias)
    if not any(_is_signal(argument) for argument in arguments):
        return OPERATIONS[node.op](*arguments)
    return _HELD.get(node.op, _constant(node.op))(*arguments)


def _is_signal(value: Any) -> bool:
    """Whether it depends on what is read, other than by a gate."""
    return isinstance(value, Tensor) and value.requires_grad


def _first(value: Any) -> Any:
    """The value in the first row, for all rows."""
    return value[:1].detach() if isinstance(value, Tensor) and value.dim() > 1 else value


def _constant(op: str) -> Callable[..., Any]:
    """Held whole: a gate."""
    return lambda *arguments: OPERATIONS[op](*map(_first, arguments))


def _by_slope(op: str, at_zero: float) -> Callable[[Tensor], Tensor]:
    """A function that is zero at zero, as a multiple of its argument; its slope where that is zero."""

    def held(u: Tensor) -> Tensor:
        first = _first(u)
        quotient = OPERATIONS[op](first) / first.masked_fill(first == 0, 1)
        return u * quotient.masked_fill(first == 0, at_zero)

    return held


def _product(x: Any, y: Any) -> Any:
    if _is_signal(x) and _is_signal(y):
        raise CellError("a product of two signals is not linear where the gates are held")
    return x * y


def _chosen(greater: bool) -> Callable[[Any, Any], Tensor]:
    """The larger or smaller of two values, as it is in the first row."""

    def held(x: Any, y: Any) -> Tensor:
        x, y = (torch.as_tensor(part) for part in (x, y))
        return torch.where((_first(x) >= _first(y)) == greater, x, y)

    return held


_HELD: Mapping[str, Callable[..., Any]] = {
    "add": OPERATIONS["add"],
    "sub": OPERATIONS["sub"],
    "neg": OPERATIONS["neg"],
    "mul": _product,
    "div": lambda x, y: x / _first(y),
    "tanh": _by_slope("tanh", 1.0),
    "relu": _by_slope("relu", 0.0),
    "abs": _by_slope("abs", 0.0),
    "maximum": _chosen(greater=True),
    "minimum": _chosen(greater=False),
    "where": lambda condition, x, y: torch.where(
        torch.as_tensor(_first(condition)) != 0, torch.as_tensor(x), torch.as_tensor(y)
    ),
}
