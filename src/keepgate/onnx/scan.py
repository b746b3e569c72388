"""A call as ONNX's Scan, a loop over time whose body is printed from the cell's equations: for any cell."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import onnx_ir as ir

from ..equations import Expr, topological
from ..equations.expr import heads_of
from ..errors import CellError
from .call import SequenceCall
from .emitter import Emitter

# Operations of the equations that are one operator of ONNX with the same arguments.
_OPERATORS = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "sigmoid": "Sigmoid", "tanh": "Tanh",
    "exp": "Exp", "log": "Log", "relu": "Relu", "sqrt": "Sqrt", "abs": "Abs", "softplus": "Softplus",
    "maximum": "Max", "minimum": "Min",
}  # fmt: skip


def emit_scan(emit: Emitter, call: SequenceCall) -> list[ir.Value]:
    """The output [time, batch, units] and every final state [batch, units]."""
    wx = emit("MatMul", call.x, emit("Transpose", call.weight_ih, perm=[1, 0]))
    over_time = {"wx": wx if call.bias_ih is None else emit("Add", wx, call.bias_ih)}
    real = None if call.lengths is None else _is_real(emit, call)
    if real is not None:
        over_time["real"] = real
    if call.resets is not None:
        over_time["begins"] = _begins(emit, call, real)
    body = _body(call, over_time)
    direction = [int(call.reverse)]
    states = call.states or _zeros(emit, call)
    *final, output = emit.several(
        "Scan",
        len(states) + 1,
        *states,
        *over_time.values(),
        body=body,
        num_scan_inputs=len(over_time),
        scan_input_directions=direction * len(over_time),
        scan_output_directions=direction,
    )
    return [output, *final]


def _zeros(emit: Emitter, call: SequenceCall) -> list[ir.Value]:
    rows = emit("Shape", call.x, start=1, end=2)
    zero = ir.tensor(np.zeros(1, call.dtype))
    shapes = [emit("Concat", rows, emit.constant([size]), axis=0) for size in call.state_sizes]
    return [emit("ConstantOfShape", shape, value=zero) for shape in shapes]


def _is_real(emit: Emitter, call: SequenceCall) -> ir.Value:
    """[time, batch, 1]: whether a step is one of a row's own."""
    steps = emit("Squeeze", emit("Shape", call.x, start=0, end=1))
    time = emit("Range", emit.constant(0), steps, emit.constant(1))
    lengths = emit("Cast", call.lengths, to=ir.DataType.INT64)
    before = emit(
        "Less", emit("Unsqueeze", time, emit.constant([1])), emit("Unsqueeze", lengths, emit.constant([0]))
    )
    return emit("Unsqueeze", before, emit.constant([2]))


def _begins(emit: Emitter, call: SequenceCall, real: ir.Value | None) -> ir.Value:
    """[time, batch, 1]: where the state is cleared before a step is read; see `kernels.reference.cleared`."""
    begins = emit("Unsqueeze", call.resets, emit.constant([2]))
    begins = begins if real is None else emit("And", begins, real)
    if not call.reverse:
        return begins
    end = emit.constant([np.iinfo(np.int64).max])
    later = emit("Slice", begins, emit.constant([1]), end, emit.constant([0]))
    first = emit("Slice", begins, emit.constant([0]), emit.constant([1]), emit.constant([0]))
    nowhere = emit("And", first, emit("Not", first))
    return emit("Concat", later, nowhere, axis=0)


def _body(call: SequenceCall, over_time: Iterable[str]) -> ir.Graph:
    """One step: the states and what is scanned → the new states and the output."""
    prefix = f"{call.weight_ih.name}/"
    cell, emit = call.cell, Emitter([], prefix)
    kind = ir.DataType.from_numpy(call.dtype)

    def value(name: str, dtype: ir.DataType) -> ir.Value:
        return ir.Value(name=prefix + name, type=ir.TensorType(dtype), shape=ir.Shape([None, None]))

    before = [value(f"{state}_before", kind) for state in cell.states]
    scanned = {name: value(name, kind if name == "wx" else ir.DataType.BOOL) for name in over_time}
    previous = before
    if "begins" in scanned:
        zero = emit.constant(0, call.dtype)
        previous = [emit("Where", scanned["begins"], zero, state) for state in before]
    new = _step(emit, call, scanned["wx"], previous)
    if call.weight_hr is not None:
        new[0] = emit("MatMul", new[0], emit("Transpose", call.weight_hr, perm=[1, 0]))
    output = new[0]
    if (real := scanned.get("real")) is not None:
        output = emit("Where", real, output, emit.constant(0, call.dtype))
        new = [emit("Where", real, after, old) for after, old in zip(new, previous, strict=True)]
    results = [emit("Identity", result) for result in (*new, output)]
    for result, name in zip(results, [*(f"{state}_after" for state in cell.states), "output"], strict=True):
        result.name, result.type, result.shape = prefix + name, ir.TensorType(kind), ir.Shape([None, None])
    return ir.Graph([*before, *scanned.values()], results, nodes=emit.nodes, name=f"{cell.name}_step")


def _step(emit: Emitter, call: SequenceCall, wx: ir.Value, previous: list[ir.Value]) -> list[ir.Value]:
    """The new states of every row, by the cell's equations."""
    graph, cell = call.cell.graph, call.cell
    values = dict(zip(graph.previous.values(), previous, strict=True))
    values |= dict(zip(graph.vectors.values(), call.vectors, strict=True))
    values |= dict(zip(graph.wx.values(), emit.split(wx, len(cell.gates)), strict=True))
    product = _recurrence(emit, call, previous[cell.states.index(cell.recurrent_state)], values)
    rows = emit("Shape", previous[-1])
    by_row = {*graph.wx.values(), *graph.uh.values(), *graph.previous.values()}
    for node in topological(graph.next.values(), stop=values.keys()):
        if node not in values and node.op != "symbol":
            values[node] = product(node) if node.op == "product" else _operation(emit, call, node, values)
    return [
        values[node]
        if by_row & {*topological([node])}
        # What is made of weights per unit alone is the same in every row.
        else emit("Expand", values[node], rows)
        for node in graph.next.values()
    ]


def _recurrence(
    emit: Emitter, call: SequenceCall, h: ir.Value, values: dict[Expr, ir.Value]
) -> Callable[[Expr], ir.Value]:
    """Adds uh of every gate to the values; gives the products inside a step, as a function of their node."""
    cell, gates = call.cell, len(call.cell.gates)

    def biased(product: ir.Value, bias: ir.Value | None) -> ir.Value:
        return product if bias is None else emit("Add", product, bias)

    if cell.graph.uh:
        if cell.recurrent == "dense":
            uh = emit("MatMul", h, emit("Transpose", call.weight_hh, perm=[1, 0]))
        else:
            uh = emit("Mul", emit("Concat", *[h] * gates, axis=-1), call.weight_hh)
        parts = emit.split(biased(uh, call.bias_hh), gates)
        values |= dict(zip(cell.graph.uh.values(), parts, strict=True))
    if cell.recurrent != "in_step":
        return lambda node: _unknown(call, node)
    # Each block transposed, [output, hidden], by the name that a product has in the graph.
    weights = emit.split(emit("Transpose", call.weight_hh, perm=[1, 0]), gates)
    biases = [None] * gates if call.bias_hh is None else list(emit.split(call.bias_hh, gates))
    blocks = {f"u_{gate}": pair for gate, *pair in zip(cell.gates, weights, biases, strict=True)}

    def product(node: Expr) -> ir.Value:
        block, operand = node.args
        weight, bias = blocks[str(block.name)]
        return biased(emit("MatMul", values[operand], weight), bias)

    return product


def _operation(emit: Emitter, call: SequenceCall, node: Expr, values: Mapping[Expr, ir.Value]) -> ir.Value:
    kind = ir.DataType.from_numpy(call.dtype)
    if node.value is not None:
        return emit.constant(node.value, call.dtype)
    arguments = [values[argument] for argument in node.args if argument in values]
    if node.op in _OPERATORS and not (node.op == "softplus" and call.dtype == np.float64):
        return emit(_OPERATORS[node.op], *arguments)
    zero = emit.constant(0, call.dtype)
    if node.op == "softplus":  # ONNX has it, and ONNX Runtime not in double precision
        rest = emit(
            "Log",
            emit("Add", emit("Exp", emit("Neg", emit("Abs", *arguments))), emit.constant(1, call.dtype)),
        )
        return emit("Add", emit("Relu", *arguments), rest)
    if node.op == "row_mean" and heads_of(node) > 1:
        return _mean_of_heads(emit, call, arguments[0], heads_of(node))
    if node.op == "row_mean":
        return emit("ReduceMean", arguments[0], emit.constant([-1], np.int64), keepdims=1)
    if node.op == "step_of":
        return emit("Cast", emit("Greater", arguments[0], zero), to=kind)
    if node.op == "greater":
        return emit("Cast", emit("Greater", *arguments), to=kind)
    if node.op == "where":
        return emit("Where", emit("Not", emit("Equal", arguments[0], zero)), *arguments[1:])
    return _unknown(call, node)


def _mean_of_heads(emit: Emitter, call: SequenceCall, x: ir.Value, heads: int) -> ir.Value:
    units = call.hidden_size // heads

    def shape(*sizes: int) -> ir.Value:
        return emit.constant(sizes, np.int64)

    whole = emit("Expand", x, shape(1, heads * units))  # which may be one number a row
    parts = emit("Reshape", whole, shape(-1, heads, units))
    means = emit("ReduceMean", parts, shape(-1), keepdims=1)
    return emit("Reshape", emit("Expand", means, shape(1, 1, units)), shape(-1, heads * units))


def _unknown(call: SequenceCall, node: Expr) -> ir.Value:
    raise CellError(f"the step of {call.cell.name} has {node.op}, for which no ONNX operator is written down")
