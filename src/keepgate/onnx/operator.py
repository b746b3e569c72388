"""A call as ONNX's own LSTM, GRU or RNN, with the gates put into the operator's order by name."""

import numpy as np
import onnx_ir as ir

from .call import SequenceCall
from .emitter import Emitter


def has_operator(call: SequenceCall) -> bool:
    """Whether ONNX has the cell with all that this call asks for. ONNX Runtime runs these in float32 only."""
    return (
        call.cell.onnx is not None
        and call.weight_hr is None
        and call.resets is None
        and call.dtype == np.float32
    )


def emit_operator(emit: Emitter, call: SequenceCall) -> list[ir.Value]:
    """The output [time, batch, hidden] and every final state [batch, hidden]."""
    operator, cell, hidden = call.cell.onnx, call.cell, call.hidden_size
    assert operator is not None
    blocks = [cell.gates.index(gate) for gate in operator.gates.split()]
    rows = emit.constant(np.concatenate([np.arange(b * hidden, (b + 1) * hidden) for b in blocks]))

    def ordered(weight: ir.Value | None) -> ir.Value:
        if weight is None:
            return emit.constant(np.zeros(len(blocks) * hidden), np.float32)
        return emit("Gather", weight, rows, axis=0)

    first = emit.constant([0])

    def one_direction(value: ir.Value) -> ir.Value:
        return emit("Unsqueeze", value, first)

    vectors = dict(zip(cell.vectors, call.vectors, strict=True))
    bias = peepholes = None
    if call.bias_ih is not None or call.bias_hh is not None:
        bias = one_direction(emit("Concat", ordered(call.bias_ih), ordered(call.bias_hh), axis=0))
    if vectors:
        peepholes = one_direction(emit("Concat", *[vectors[v] for v in operator.vectors.split()], axis=0))
    lengths = None if call.lengths is None else emit("Cast", call.lengths, to=ir.DataType.INT32)
    inputs = [
        call.x, one_direction(ordered(call.weight_ih)), one_direction(ordered(call.weight_hh)), bias, lengths,
        *(map(one_direction, call.states) if call.states else [None] * len(cell.states)), peepholes,
    ]  # fmt: skip
    while inputs[-1] is None:
        inputs.pop()
    attributes = {"linear_before_reset": operator.linear_before_reset, "activations": operator.activations}
    output, *final = emit.several(
        operator.operator,
        1 + len(cell.states),
        *inputs,
        hidden_size=hidden,
        direction="reverse" if call.reverse else "forward",
        **{name: value for name, value in attributes.items() if value is not None},
    )
    last = [emit("Squeeze", state, first) for state in final]
    if call.lengths is not None and call.states is not None:
        # Of a row without steps ONNX Runtime gives zeros, where the states are still the initial ones.
        empty = emit("Equal", emit("Unsqueeze", lengths, emit.constant([1])), emit.constant(0, np.int32))
        last = [emit("Where", empty, old, new) for old, new in zip(call.states, last, strict=True)]
    return [emit("Squeeze", output, emit.constant([1])), *last]
