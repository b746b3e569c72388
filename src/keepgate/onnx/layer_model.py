"""A layer alone as an ONNX model, written down directly: torch's exporter, which takes seconds, is not needed."""

from collections.abc import Sequence

import onnx_ir as ir
import torch
from torch import Tensor

from ..kernels.narrow_weights import NarrowWeights
from ..kernels.weights import Weights
from ..nn import Recurrent
from .call import SequenceCall
from .emitter import Emitter
from .flat_model import FlatModel
from .operator import emit_operator, has_operator
from .scan import emit_scan

OPSET = 20
_IR_VERSION = 10
_TAKEN = {"input", "hx", "lengths", "resets"}


def layer_model(flat: FlatModel) -> ir.Model | None:
    """The model of a `Recurrent` with batched tensors as its arguments; None for anything else."""
    layer, arguments = flat.model, flat.arguments
    if not isinstance(layer, Recurrent) or not arguments.keys() <= _TAKEN:
        return None
    x = arguments["input"]
    others = [arguments.get(name) for name in ("lengths", "resets")]
    if not isinstance(x, Tensor) or x.dim() != 3 or any(isinstance(other, list | tuple) for other in others):
        return None
    return _Writer(layer, flat).model()


class _Writer:
    def __init__(self, layer: Recurrent, flat: FlatModel) -> None:
        self.layer, self.flat, self.emit = layer, flat, Emitter([])
        self.inputs = {name: _value(name, tensor, self._dims(name, tensor)) for name, tensor in flat.inputs}
        self.initializers: list[ir.Value] = []

    def model(self) -> ir.Model:
        output, final = self._run()
        if self.layer.batch_first:
            output = self.emit("Transpose", output, perm=[1, 0, 2])
        outputs = [self.emit("Identity", value) for value in (output, *final)]
        with torch.no_grad():
            results = self.flat(*[tensor for _, tensor in self.flat.inputs])
        for name, value, tensor in zip(self.flat.output_names, outputs, results, strict=True):
            value.name, value.type = name, ir.TensorType(_kind(tensor))
            value.shape = ir.Shape(self._dims(name, tensor))
        graph = ir.Graph(
            list(self.inputs.values()), outputs, nodes=self.emit.nodes, initializers=self.initializers,
            opset_imports={"": OPSET}, name=f"{self.layer.cell.name}_layers",
        )  # fmt: skip
        return ir.Model(graph, ir_version=_IR_VERSION, producer_name="keepgate")

    def _run(self) -> tuple[ir.Value, list[ir.Value]]:
        """The output, time first, and each of the final states."""
        layer, emit = self.layer, self.emit
        x, resets = self.inputs["input"], self.inputs.get("resets")
        if layer.batch_first:
            x = emit("Transpose", x, perm=[1, 0, 2])
            resets = None if resets is None else emit("Transpose", resets, perm=[1, 0])
        final: list[list[ir.Value]] = []
        for first in range(0, len(layer.weights()), layer.directions):
            outputs = []
            for place in range(first, first + layer.directions):
                call = self._call(place, x, resets)
                output, *last = (emit_operator if has_operator(call) else emit_scan)(emit, call)
                outputs.append(output)
                final.append([emit("Unsqueeze", state, emit.constant([0])) for state in last])
            x = emit("Concat", *outputs, axis=-1) if len(outputs) > 1 else outputs[0]
        return x, [emit("Concat", *states, axis=0) for states in zip(*final, strict=True)]

    def _call(self, place: int, x: ir.Value, resets: ir.Value | None) -> SequenceCall:
        weights, emit = self.layer.weights_at(place), self.emit
        initial_states = [self.inputs.get(f"{state}_0") for state in weights.cell.states]
        states = [
            emit("Gather", state, emit.constant(place), axis=0)
            for state in initial_states
            if state is not None
        ]
        arguments = [
            self._dequantized(weights, place, slot) or self._initializer(tensor, place, slot)
            for slot, tensor in enumerate(weights.arguments)
        ]
        weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *vectors = arguments
        assert weight_ih is not None
        return SequenceCall(
            cell=weights.cell, x=x, weight_ih=weight_ih, weight_hh=weight_hh, bias_ih=bias_ih, bias_hh=bias_hh,
            weight_hr=weight_hr, states=states or None, vectors=[v for v in vectors if v is not None],
            lengths=self.inputs.get("lengths"), resets=resets, reverse=place % self.layer.directions == 1,
        )  # fmt: skip

    def _dequantized(self, weights: Weights, place: int, slot: int) -> ir.Value | None:
        """An int8 matrix behind a DequantizeLinear, which lacks bfloat16; None for any other parameter."""
        matrix = weights.matrix(slot) if isinstance(weights, NarrowWeights) else None
        if matrix is None or matrix.scale is None:
            return None
        parts = []
        for end, array in (("int8", matrix.numbers), ("scale", matrix.scale)):
            name = f"weight_{place}_{slot}_{end}"
            tensor = ir.tensor(array, name=name)
            value = ir.Value(
                name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor
            )
            self.initializers.append(value)
            parts.append(value)
        result = self.emit("DequantizeLinear", *parts, axis=0)
        result.name, result.type = f"weight_{place}_{slot}", ir.TensorType(ir.DataType.FLOAT)
        result.shape = ir.Shape(matrix.shape)
        return result

    def _initializer(self, tensor: Tensor | None, place: int, slot: int) -> ir.Value | None:
        if tensor is None:
            return None
        numbers = tensor.detach().contiguous().numpy()
        value = _value(f"weight_{place}_{slot}", tensor, list(tensor.shape))
        value.const_value = ir.tensor(numbers, name=value.name)
        self.initializers.append(value)
        return value

    def _dims(self, name: str, tensor: Tensor) -> Sequence[int | str]:
        """The names of what may change in an input or output, and the sizes of the rest."""
        if name in ("input", "output", "resets"):
            order = ("batch", "time") if self.layer.batch_first else ("time", "batch")
            return [*order, *tensor.shape[2:]]
        return ["batch"] if name == "lengths" else [tensor.shape[0], "batch", tensor.shape[2]]


def _kind(tensor: Tensor) -> ir.DataType:
    return ir.DataType.from_numpy(tensor.detach().numpy().dtype)


def _value(name: str, tensor: Tensor, dims: Sequence[int | str]) -> ir.Value:
    return ir.Value(name=name, type=ir.TensorType(_kind(tensor)), shape=ir.Shape(dims))
