"""OnnxGraph: the nodes of an ONNX graph as a torch module, its recurrent ones as layers of ours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import KeepgateError, ShapeError
from ...nn import Recurrent
from ...swapping.tensors import unique
from .recurrent import RecurrentNode


@dataclass(frozen=True)
class Step:
    """One node. name: the node's own, or its operator and place. title: what messages call it.

    run: a function or module of its inputs. inputs: names of values, "" for one that is not given.
    """

    name: str
    title: str
    run: Callable[..., Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def add_outputs(self, values: dict[str, Any]) -> None:
        """Computes the node from the values. Raises ShapeError, which names the node, where it cannot be computed."""
        inputs = [values[name] if name else None for name in self.inputs]
        try:
            results = self.run(*inputs)
        except (
            KeepgateError,
            RuntimeError,
            ValueError,
            LookupError,
            TypeError,
            ArithmeticError,
            MemoryError,
        ) as error:
            reason = (str(error).partition("\n")[0] or type(error).__name__).removeprefix(f"{self.title}: ")
            shapes = ", ".join("nothing" if x is None else f"{x.dtype} {list(x.shape)}" for x in inputs)
            raise ShapeError(
                f"{self.title} cannot be computed: {reason}; it was given {shapes or 'nothing'}"
            ) from error
        results = results if isinstance(results, tuple) else (results,)
        if len(results) < len(self.outputs):
            raise ShapeError(
                f"{self.title} gives {len(results)} outputs, and {len(self.outputs)} are asked for"
            )
        values.update((name, result) for name, result in zip(self.outputs, results, strict=False) if name)


class OnnxGraph(nn.Module):
    """A graph as a torch module: its recurrent nodes are submodules by their names, its weights parameters.

    inputs:    names of what it is called with, then `captured`: values of a graph around it.
    outputs:   names of what comes back.
    constants: the values that never change. Those of floating-point numbers with a dimension become parameters.
    """

    def __init__(
        self, steps: Sequence[Step], inputs: Sequence[str], captured: Sequence[str], outputs: Sequence[str],
        constants: Mapping[str, Tensor],
    ) -> None:  # fmt: skip
        super().__init__()
        self.steps = list(steps)
        self.inputs, self.captured, self.outputs = tuple(inputs), tuple(captured), tuple(outputs)
        used = {name for step in steps for name in step.inputs} | {*outputs}
        modules = [step for step in steps if isinstance(step.run, nn.Module)]
        names = [name for name in constants if name in used]
        own = unique([_own_name(name) for name in (*[step.name for step in modules], *names)])
        for name, step in zip(own, modules, strict=False):
            self.add_module(name, step.run)  # type: ignore[arg-type]
        self._own = dict(zip(names, own[len(modules) :], strict=True))
        for name, attribute in self._own.items():
            tensor = constants[name]
            if tensor.is_floating_point() and tensor.dim():
                self.register_parameter(attribute, nn.Parameter(tensor.contiguous()))
            else:
                self.register_buffer(attribute, tensor)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The outputs, in order. Raises ShapeError, which names the node, for what cannot be computed."""
        values: dict[str, Any] = dict(zip((*self.inputs, *self.captured), tensors, strict=True))
        values |= {name: getattr(self, own) for name, own in self._own.items()}
        for step in self.steps:
            step.add_outputs(values)
        return tuple([values[name] for name in self.outputs])

    def recurrent_nodes(self) -> dict[str, RecurrentNode]:
        """The recurrent nodes by name, those of graphs within it too."""
        nodes: dict[str, RecurrentNode] = {}
        for step in self.steps:
            if isinstance(step.run, RecurrentNode):
                nodes[step.name] = step.run
            elif isinstance(step.run, nn.Module):
                for graph in step.run.children():
                    if isinstance(graph, OnnxGraph):
                        nodes |= graph.recurrent_nodes()
        return nodes


class Branches(nn.Module):
    """ONNX's If: one of two graphs, by a truth value. captured: what either takes from the graph around it."""

    def __init__(self, graphs: Sequence[OnnxGraph]) -> None:
        super().__init__()
        self.then_branch, self.else_branch = graphs
        self.captured = tuple(dict.fromkeys(name for graph in graphs for name in graph.captured))

    def forward(self, condition: Tensor, *captured: Tensor) -> tuple[Tensor, ...]:
        """The outputs of the graph that the condition chooses."""
        if condition.numel() != 1 or condition.dtype is not torch.bool:
            raise ShapeError(
                f"its condition is {condition.dtype} {list(condition.shape)}; expected one truth value"
            )
        graph = self.then_branch if bool(condition) else self.else_branch
        values = dict(zip(self.captured, captured, strict=True))
        results: tuple[Tensor, ...] = graph(*[values[name] for name in graph.captured])
        return results


class ScanLoop(nn.Module):
    """ONNX's Scan: a graph for each step along the first dimension. Its inputs are states, then what is scanned.

    reversed_inputs, reversed_outputs: which of them are read or written from the end.
    """

    def __init__(
        self, body: OnnxGraph, scanned: int, reversed_inputs: Sequence[int], reversed_outputs: Sequence[int]
    ) -> None:
        super().__init__()
        self.body, self.captured = body, body.captured
        self.states = len(body.inputs) - scanned
        self.reversed_inputs, self.reversed_outputs = tuple(reversed_inputs), tuple(reversed_outputs)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The last states, then the outputs of all steps, stacked."""
        states, captured = list(tensors[: self.states]), tensors[len(self.body.inputs) :]
        scanned = list(tensors[self.states : len(self.body.inputs)])
        if len({tensor.shape[:1] for tensor in scanned}) != 1 or not scanned[0].dim() or not len(scanned[0]):
            raise ShapeError("what it scans has no steps, or not the same number everywhere")
        steps = zip(
            *[x.flip(0) if back else x for x, back in zip(scanned, self.reversed_inputs, strict=True)],
            strict=True,
        )
        results = []
        for step in steps:
            outputs = self.body(*states, *step, *captured)
            states = list(outputs[: self.states])
            results.append(outputs[self.states :])
        stacked = [torch.stack(parts) for parts in zip(*results, strict=True)]
        return *states, *[
            x.flip(0) if back else x for x, back in zip(stacked, self.reversed_outputs, strict=True)
        ]


def layers_by_name(nodes: Mapping[str, RecurrentNode]) -> dict[str, Recurrent]:
    """The layers of recurrent nodes by the node's name; "_reverse" behind it for the second of two."""
    return {
        f"{name}{suffix}": layer
        for name, node in nodes.items()
        for suffix, layer in zip(("", "_reverse"), node.layers, strict=False)
    }


def _own_name(name: str) -> str:
    """A name that a module's attribute may have."""
    return (
        "value_" + name.replace(".", "_")
        if hasattr(OnnxGraph, name.replace(".", "_"))
        else name.replace(".", "_")
    )
