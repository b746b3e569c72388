"""A GraphProto → OnnxGraph: each node checked and bound to what computes it; what never changes is computed at once."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...errors import ConversionError, nearest_first
from .arithmetic import ARITHMETIC
from .attributes import HELP, attributes_of, bound
from .graph import Branches, OnnxGraph, ScanLoop, Step
from .model_file import DTYPES, ModelFile
from .network import NETWORK
from .recurrent import RECURRENT, RecurrentNode
from .shaping import OLDER, SHAPING

OPERATORS: Mapping[str, Callable[..., Any]] = {**ARITHMETIC, **SHAPING, **NETWORK}
_CONTROL = ("If", "Scan")
# How deep graphs may lie within graphs.
_DEPTH = 16


class GraphBuild:
    """One graph while it is built.

    outer: the values of the graphs around it; a tensor for what is constant, else None.
    """

    def __init__(
        self, proto: Any, file: ModelFile, outer: Mapping[str, Tensor | None], depth: int = 0
    ) -> None:
        if depth > _DEPTH:
            raise ConversionError(f"{file.path} has graphs within graphs, more than {_DEPTH} deep")
        self.proto, self.file, self.outer, self.depth = proto, file, outer, depth
        self.constants: dict[str, Tensor] = {}
        self.values: set[str] = set()
        self.captured: dict[str, None] = {}
        self.steps: list[Step] = []

    def graph(self) -> OnnxGraph:
        """The graph as a module. Raises ConversionError, which names the node, for what has no counterpart here."""
        inputs = self._add_all()
        outputs = [entry.name for entry in self.proto.output]
        for name in outputs:
            self._read(name, "the graph's outputs")
        return OnnxGraph(self.steps, inputs, [*self.captured], outputs, self.constants)

    def _add_all(self) -> list[str]:
        """Adds every initializer, input and node. Gives the names of the inputs."""
        if self.proto.sparse_initializer:
            raise ConversionError(
                f"{self.file.path} has sparse weights, which are not read; export dense ones"
            )
        for tensor in self.proto.initializer:
            self._define(tensor.name, "an initializer", self.file.tensor(tensor))
        inputs = [entry.name for entry in self.proto.input if entry.name not in self.constants]
        for name in inputs:
            self._define(name, "an input")
        for index, node in enumerate(self.proto.node):
            _check_texts(node, f"node {index} of {self.file.path}")
            self._add(node, node.name or f"{node.op_type}_{index}")
        return inputs

    def _add(self, node: Any, name: str) -> None:
        title = f"node {name!r} ({node.op_type})"
        if node.domain not in ("", "ai.onnx"):
            raise ConversionError(
                f"{title} is of the domain {node.domain!r}, which is not ONNX's own; {HELP}"
            )
        inputs = list(node.input)
        while inputs and not inputs[-1]:
            inputs.pop()
        for value in inputs:
            if value:
                self._read(value, title)
        run, inputs = self._runner(node, title, inputs)
        step = Step(name, title, run, tuple(inputs), tuple(node.output))
        folds = not isinstance(run, torch.nn.Module) and all(
            not name or name in self.constants for name in inputs
        )
        results: dict[str, Any] = dict(self.constants)
        if folds:
            with torch.no_grad():
                step.add_outputs(results)
        else:
            self.steps.append(step)
        for value in step.outputs:
            if value:
                self._define(value, title, results[value] if folds else None)

    def _runner(self, node: Any, title: str, inputs: list[str]) -> tuple[Callable[..., Any], list[str]]:
        """What computes a node, and the names of what it is called with."""
        attributes = attributes_of(node, title, self.file)
        if node.op_type in RECURRENT:
            return self._recurrent(node, title, attributes, inputs)
        if node.op_type == "If":
            return self._if(title, attributes, inputs)
        if node.op_type == "Scan":
            return self._scan(title, attributes, inputs)
        function = OPERATORS.get(node.op_type)
        if function is None:
            names = nearest_first(node.op_type, [*OPERATORS, *RECURRENT, *_CONTROL])
            raise ConversionError(
                f"{title} has no counterpart here; the nearest are {', '.join(names[:4])}; {HELP}"
            )
        until, older = OLDER.get(node.op_type, (0, function))
        function = older if self.file.opset <= until else function
        _check_inputs(function, inputs, title)
        keywords = bound(function, attributes, title, opset=self.file.opset, outputs=len(node.output))
        return (partial(function, **keywords) if keywords else function), inputs

    def _recurrent(
        self, node: Any, title: str, attributes: dict[str, Any], inputs: list[str]
    ) -> tuple[RecurrentNode, list[str]]:
        most = 8 if node.op_type == "LSTM" else 6
        if len(inputs) > most or len(inputs) < 3 or not all(inputs[:3]):
            raise ConversionError(
                f"{title} has {len(inputs)} inputs; expected X, W, R and up to {most - 3} more"
            )
        inputs = [*inputs, *[""] * (most - len(inputs))]
        peepholes = node.op_type == "LSTM" and bool(inputs[7])
        module = RecurrentNode(title, node.op_type, attributes, peepholes=peepholes)
        weights = {"w": 1, "r": 2, "b": 3} | ({"p": 7} if node.op_type == "LSTM" else {})
        if all(not inputs[place] or inputs[place] in self.constants for place in weights.values()):
            module.fix(**{name: self.constants.get(inputs[place]) for name, place in weights.items()})
            inputs = ["" if place in weights.values() else name for place, name in enumerate(inputs)]
        return module, inputs

    def _if(
        self, title: str, attributes: dict[str, Any], inputs: list[str]
    ) -> tuple[Callable[..., Any], list[str]]:
        protos = [attributes.pop(f"{which}_branch", None) for which in ("then", "else")]
        if None in protos or attributes or len(inputs) != 1 or any(proto.input for proto in protos):
            raise ConversionError(f"{title} is no If with one condition and two branches without inputs")
        condition = self.constants.get(inputs[0])
        if condition is not None and condition.numel() == 1:
            # What is never run may have nodes that are not known.
            graph = self._inner(protos[0] if bool(condition) else protos[1])
            return graph, list(graph.captured)
        branches = Branches([self._inner(proto) for proto in protos])
        return branches, [*inputs, *branches.captured]

    def _scan(
        self, title: str, attributes: dict[str, Any], inputs: list[str]
    ) -> tuple[Callable[..., Any], list[str]]:
        body, scanned = attributes.pop("body", None), attributes.pop("num_scan_inputs", 0)
        if (
            not hasattr(body, "node")
            or not isinstance(scanned, int)
            or self.file.opset < 9
            or not all(inputs)
        ):
            raise ConversionError(f"{title} is no Scan of opset 9 or later with a body and all its inputs")
        graph = self._inner(body)
        outputs = len(graph.outputs) - (len(inputs) - scanned)
        directions = [
            attributes.pop(f"scan_{kind}_directions", [0] * count)
            for kind, count in (("input", scanned), ("output", outputs))
        ]
        axes = [attributes.pop(f"scan_{kind}_axes", []) for kind in ("input", "output")]
        if (
            not 1 <= scanned <= len(inputs) or len(graph.inputs) != len(inputs) or outputs < 0 or attributes
            or any(axes[0]) or any(axes[1]) or [len(each) for each in directions] != [scanned, outputs]
        ):  # fmt: skip
            raise ConversionError(
                f"{title} does not scan along the first dimension, or its inputs and outputs are not its body's; {HELP}"
            )
        loop = ScanLoop(graph, scanned, *directions)
        return loop, [*inputs, *loop.captured]

    def _inner(self, proto: Any) -> OnnxGraph:
        """A graph within this one. What it takes from outside is read here."""
        if not hasattr(proto, "node"):
            raise ConversionError(f"{self.file.path} has a branch or body that is no graph; export it again")
        graph = GraphBuild(proto, self.file, self._seen_within(), self.depth + 1).graph()
        for name in graph.captured:
            self._read(name, "a graph within the graph")
        return graph

    def _seen_within(self) -> dict[str, Tensor | None]:
        """The values that a graph within this one sees."""
        return {**self.outer, **dict.fromkeys(self.values), **self.constants}

    def _read(self, name: str, title: str) -> None:
        """Raises ConversionError for a value that nothing before gives."""
        if name in self.values:
            return
        if name not in self.outer:
            raise ConversionError(
                f"{title} reads {name!r}, which no input, initializer or node before it gives; export the model again"
            )
        constant = self.outer[name]
        self.values.add(name)
        if constant is None:
            self.captured[name] = None
        else:
            self.constants[name] = constant

    def _define(self, name: str, title: str, constant: Tensor | None = None) -> None:
        if not name or not isinstance(name, str) or name in self.values:
            raise ConversionError(
                f"{title} gives {name!r}, which is there already or no name; export the model again"
            )
        self.values.add(name)
        if constant is not None:
            self.constants[name] = constant


def _check_texts(node: Any, title: str) -> None:
    """Raises ConversionError for names that are no UTF-8, which protobuf gives as bytes."""
    texts = (
        node.name,
        node.op_type,
        node.domain,
        *node.input,
        *node.output,
        *[a.name for a in node.attribute],
    )
    if not all(isinstance(text, str) for text in texts):
        raise ConversionError(f"{title} has a name that is no text; export the model again")


def input_dtypes(proto: Any, file: ModelFile) -> dict[str, torch.dtype]:
    """The kind of number of each input of a graph. Raises ConversionError for an input that is no tensor."""
    dtypes = {}
    for entry in proto.input:
        dtype = DTYPES.get(entry.type.tensor_type.elem_type)
        if dtype is None:
            raise ConversionError(
                f"{file.path}: the input {entry.name!r} is no tensor of numbers; export a model that takes tensors"
            )
        dtypes[entry.name] = dtype
    return dtypes


def _check_inputs(function: Callable[..., Any], inputs: list[str], title: str) -> None:
    """Raises ConversionError where an operator is given too few or too many inputs."""
    positional = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in positional)
    least = 1 if variadic else sum(p.default is p.empty for p in positional)
    most = len(inputs) if variadic else len(positional)
    required = inputs if variadic else inputs[:least]
    if not least <= len(inputs) <= most or not all(required):
        raise ConversionError(
            f"{title} has {len(inputs)} inputs; expected {least} to {most}; export the model again"
        )
