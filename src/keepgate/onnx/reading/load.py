"""load: an ONNX file as a torch module; load_layers: its recurrent nodes alone."""

import os
from typing import Any

from torch import Tensor, nn

from ...errors import ConversionError, KeepgateError, ShapeError
from ...nn import Recurrent
from ..packages import require_packages
from .build import GraphBuild, input_dtypes
from .graph import layers_by_name
from .model_file import ModelFile
from .recurrent import RECURRENT, RecurrentNode


class OnnxModel(nn.Module):
    """An ONNX file as a torch module. Weights are parameters; the recurrent nodes are layers of ours.

    inputs, outputs: names, in order. layers: the recurrent layers by the names of their nodes, those in branches too; a
    node whose two directions have different activations is two, the second with "_reverse" behind its name. A layer
    that reads rows from their ends (direction="reverse") shows its trace in the order in which it reads.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        super().__init__()
        model = ModelFile(file)
        self.graph = GraphBuild(model.graph, model, {}).graph()
        dtypes = input_dtypes(model.graph, model)
        self._dtypes = [dtypes[name] for name in self.graph.inputs]
        self.inputs, self.outputs = self.graph.inputs, self.graph.outputs
        self.eval()

    @property
    def layers(self) -> dict[str, Recurrent]:
        """The recurrent layers by the names of their nodes."""
        return layers_by_name(self.graph.recurrent_nodes())

    def forward(self, *tensors: Tensor, **named: Tensor) -> Any:
        """The output, or a tuple of them in the file's order. Inputs are given in the file's order or by name.

        Raises ShapeError for inputs that are not the file's, and, with the node's name, for what cannot be computed.
        """
        tensors_by_name = dict(zip(self.inputs, tensors, strict=False)) | named
        if len(tensors) + len(named) != len(self.inputs) or set(tensors_by_name) != set(self.inputs):
            raise ShapeError(
                f"the model takes {', '.join(self.inputs) or 'nothing'}; it was given {len(tensors)} tensors"
                + (f" and {', '.join(named)}" if named else "")
            )
        for name, dtype in zip(self.inputs, self._dtypes, strict=True):
            value = tensors_by_name[name]
            if not isinstance(value, Tensor):
                raise TypeError(f"input {name!r} is {type(value).__name__}; give a tensor of {dtype}")
            if value.dtype != dtype and not (value.is_floating_point() and dtype.is_floating_point):
                raise ShapeError(
                    f"input {name!r} is {value.dtype}, and the file takes {dtype}; convert it with .to({dtype})"
                )
        results = self.graph(*[tensors_by_name[name] for name in self.inputs])
        return results if len(results) != 1 else results[0]


class _LayersOnly(GraphBuild):
    """A graph of which only the recurrent nodes are wanted: others are computed where they are known and constant."""

    def layers(self) -> dict[str, Recurrent]:
        self.within: dict[str, Recurrent] = {}
        self._add_all()
        nodes = {step.name: step.run for step in self.steps if isinstance(step.run, RecurrentNode)}
        for node in nodes.values():
            if not len(node.layers):
                raise ConversionError(
                    f"{node.title} has weights that are computed from the inputs; load the file whole"
                )
        return layers_by_name(nodes) | self.within

    def _add(self, node: Any, name: str) -> None:
        if node.op_type in RECURRENT:
            super()._add(node, name)
            return
        for attribute in node.attribute:
            for proto in (attribute.g, *attribute.graphs):
                inner = _LayersOnly(proto, self.file, self._seen_within(), self.depth + 1)
                self.within |= inner.layers()
        try:
            super()._add(node, name)
        except KeepgateError:
            self.values |= {*node.output}


def load(file: str | os.PathLike[str]) -> OnnxModel:
    """An ONNX file as a torch module in evaluation mode, its LSTM, GRU and RNN nodes layers of ours by name.

    Peepholes, clip, input_forget, linear_before_reset, layout, activations, sequence_lens, initial states and all three
    directions are taken over: what no cell of ours has becomes one of its own, declared from the operator's equations.
    Nothing of the file is run, and external data is read from the file's own folder only.
    Raises ConversionError for what is no ONNX file, and, with the node's name, for a node that has no counterpart;
    `load_layers` gives the recurrent layers of such a file.
    Source: the operators' definitions at onnx.ai; numbers are those of ONNX Runtime.
    """
    require_packages("onnx", purpose="reading an ONNX file")
    return OnnxModel(file)


def load_layers(file: str | os.PathLike[str]) -> dict[str, Recurrent]:
    """The recurrent layers of an ONNX file by the names of their nodes, whatever else the file has.

    Weights are an initializer's, or what known nodes make of initializers. As `OnnxModel.layers`.
    Raises ConversionError for what is no ONNX file, for one without a recurrent node, and where a layer's weights
    are computed from the inputs.
    """
    require_packages("onnx", purpose="reading an ONNX file")
    model = ModelFile(file)
    layers = _LayersOnly(model.graph, model, {}).layers()
    if not layers:
        raise ConversionError(f"{model.path} has no LSTM, GRU or RNN node; keepgate.onnx.load reads it whole")
    return layers
