"""What a cell is: its gates, its states, and one step of its equations as a function."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from ..errors import CellError
from .additive import AdditiveUpdate
from .analysis import Analysis
from .expr import evaluate, heads_of, topological
from .graph import Graph
from .tracing import Declaration, Named, Recurrence, Step, check_names, check_unused_parameters, trace_step

__all__ = ["Cell", "Named", "OnnxOperator", "Recurrence", "Step", "cell"]


@dataclass(frozen=True)
class OnnxOperator:
    """The ONNX operator that is this very cell.

    gates: the cell's gates in the operator's order, such as "i o f g" for LSTM.
    vectors: the cell's vectors in the order of the operator's input P.
    linear_before_reset, activations: the operator's attributes of these names, where it must have them.
    """

    operator: Literal["RNN", "LSTM", "GRU"]
    gates: str
    vectors: str = ""
    linear_before_reset: Literal[0, 1] | None = None
    activations: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Cell(Declaration):
    """A recurrent cell, described once.

    gates: blocks of rows of weight_ih and weight_hh, in torch's order where torch has the cell.
    states: what is carried from step to step; the first is the output, and is what uh is computed from.
    recurrent: what uh is. "dense": W_hh h_prev + b_hh. "diagonal": one weight a unit in place of W_hh.
        "none": there is none; the step's uh has no names. "in_step": the step is given `u` in place of uh, and
        u.n(v) is W_hh v + b_hh of gate n for any v of its own.
    vectors: weights per unit, such as peepholes; they reach the step as a fourth argument.
    unit_inputs: numbers that a caller gives for each unit at each step, such as a mask, as the step's last argument: a
        call has them in the columns of x behind those that weight_ih reads, [time, batch, hidden] each.
    recurrent_state: the state that uh is computed from, the first if it is not named.
    step: (wx, uh, s) -> Step; wx is W_ih x_t + b_ih, s the previous states. Runs on tensors and on symbols.
    letters: what the letters of a trace mean in English, {"f": "forget gate"}; one without a meaning is not in it.
    """

    onnx: OnnxOperator | None
    letters: Mapping[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def graph(self) -> Graph:
        """The step as expressions, whatever the recurrence is; a product inside the step is a node of its own."""
        return trace_step(self)

    @cached_property
    def analysis(self) -> Analysis:
        """What is found in the graph."""
        return Analysis(graph=self.graph)

    @cached_property
    def row_means(self) -> bool:
        """Whether the step takes means over the units of a row, so that one unit's step needs all the others'."""
        return any(node.op == "row_mean" for node in topological(self.graph.next.values()))

    @cached_property
    def heads(self) -> tuple[int, ...]:
        """The numbers of heads over which the step takes means: a row's units must be a multiple of each."""
        nodes = topological([*self.graph.next.values(), *self.graph.traced.values()])
        return tuple(sorted({heads_of(node) for node in nodes if node.op == "row_mean"} - {1}))

    def check_heads(self, hidden_size: int) -> None:
        """Raises CellError where a row's units are no multiple of the heads over which the step takes means."""
        for heads in self.heads:
            if hidden_size % heads:
                raise CellError(
                    f"{self.name} takes means over {heads} heads, of which {hidden_size} units are no multiple; "
                    f"take {max(1, round(hidden_size / heads)) * heads}"
                )

    @property
    def elementwise_graph(self) -> Graph:
        """The graph. Raises CellError where the step is not elementwise: for recurrent="in_step" and for row means."""
        if self.row_means:
            raise CellError(
                f"{self.name} has no elementwise graph: it takes means over the units of a row, so that one unit's "
                "step needs all the others; use a cell without a normalisation here"
            )
        return self.product_free_graph

    @property
    def product_free_graph(self) -> Graph:
        """The graph. Raises CellError for recurrent="in_step", which multiplies by a matrix inside its step."""
        if self.recurrent == "in_step":
            raise CellError(
                f"{self.name} has no graph: it multiplies by a matrix inside its step (recurrent='in_step'), "
                "so that one unit's step needs all the others; run cell.step on tensors, or use a cell whose "
                "product comes first"
            )
        return self.graph

    @property
    def traced(self) -> tuple[str, ...]:
        """The names that a trace shows beside the states."""
        return tuple(self.graph.traced)

    @property
    def memory_state(self) -> str:
        """The slow state, found from the equations: the one that a gate carries from step to step."""
        return self.analysis.memory_state

    @property
    def retain_gate(self) -> str | None:
        """The gate that keeps the memory when open, found from the equations; None if no traced one does."""
        return self.analysis.retain_gate

    @property
    def input_gate(self) -> str | None:
        """The gate that lets new memory in, found from the equations; None if no traced gate does."""
        return self.analysis.input_gate

    @property
    def reads_output(self) -> bool:
        """Whether the step uses the output before it for itself (in a GRU z * s.h), and not only by way of uh."""
        return self.analysis.reads_output

    @property
    def linear(self) -> bool:
        """Whether the new states are linear in the old ones, found from the equations: a scan can do it."""
        return self.analysis.linear

    @property
    def additive(self) -> dict[str, AdditiveUpdate]:
        """The states with s_t = a s_{t-1} + b, found from the equations, each with its a and b as expressions."""
        return self.analysis.additive

    def rebuild(self, traced: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, Any]:
        """The new states, from a step's named values and the states before, by the cell's own equations.

        The operations are the step's own, so that it agrees with them to rounding. Names not needed are ignored.
        Raises CellError where a name is missing, or where the states do not follow from the named values.
        """
        new = self.graph.next
        traced_nodes = self.graph.traced
        values = {f"{state}_prev": node for state, node in self.graph.previous.items()}
        below = topological(new.values(), stop=set(traced_nodes.values()))
        raw = [
            n
            for n in below
            if n.op in ("symbol", "product") and n not in (*values.values(), *traced_nodes.values())
        ]
        if raw:
            raise CellError(
                f"the states of {self.name} do not follow from what its trace names "
                f"({' '.join(traced_nodes) or 'nothing but the states'}): they need {', '.join(map(repr, raw))}; "
                "run the layer again instead"
            )
        dependencies = set(below)
        missing = [name for name, node in traced_nodes.items() if node in dependencies and name not in traced]
        missing += [
            f"{s} before the step"
            for s, n in self.graph.previous.items()
            if n in dependencies and s not in previous
        ]
        if missing:
            raise CellError(
                f"rebuilding {self.name} needs {', '.join(missing)} too; give every value that it names"
            )
        inputs = {node: traced[name] for name, node in traced_nodes.items() if node in dependencies}
        inputs |= {
            node: previous[state] for state, node in self.graph.previous.items() if node in dependencies
        }
        return dict(zip(new, evaluate(new.values(), inputs), strict=True))

    @property
    def qualified_name(self) -> str:
        """Where it is declared: my_cells.slim."""
        return f"{self.step.__module__}.{self.step.__qualname__}"

    def __repr__(self) -> str:
        return f"Cell({self.name}: gates {' '.join(self.gates)}; states {' '.join(self.states)})"

    # A cell is what its module calls it: layers that hold one can be copied and pickled.

    def __copy__(self) -> Cell:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Cell:
        return self

    def __reduce__(self) -> tuple[Callable[[str, str], Cell], tuple[str, str]]:
        module, path = self.step.__module__, self.step.__qualname__
        if "<locals>" in path:
            raise CellError(
                f"{self.name} is declared inside a function and cannot be pickled; declare it in a module"
            )
        return _find, (module, path)


def cell(
    *,
    gates: str,
    states: str = "h",
    recurrent: Recurrence = "dense",
    vectors: str = "",
    unit_inputs: str = "",
    recurrent_state: str | None = None,
    onnx: OnnxOperator | None = None,
    letters: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Step]], Cell]:
    """Declare the decorated function to be one step of a cell of its name. Names are separated by spaces.

    The function is run on symbols at once, so that a wrong description is a CellError where it stands.
    """

    def declare(step: Callable[..., Step]) -> Cell:
        described = Cell(
            name=step.__name__,
            gates=tuple(gates.split()),
            states=tuple(states.split()),
            recurrent=recurrent,
            vectors=tuple(vectors.split()),
            unit_inputs=tuple(unit_inputs.split()),
            recurrent_state=(states.split() or [""])[0] if recurrent_state is None else recurrent_state,
            onnx=onnx,
            letters=dict(letters or {}),
            step=step,
        )
        try:
            check_names(described)
            _check_onnx(described)
            _check_letters(described)
            check_unused_parameters(described, described.graph)
        except CellError as error:
            raise CellError(f"{error} ({_line_of(step, error)})") from error.__cause__
        return described

    return declare


def _line_of(step: Callable[..., Step], error: BaseException | None) -> str:
    """The line of the step at which an error, or what led to it, arose; else the one at which the step begins."""
    code = step.__code__
    line = code.co_firstlineno
    while error is not None:
        frames = traceback.walk_tb(error.__traceback__)
        line = next((number for frame, number in frames if frame.f_code is code), line)
        error = error.__context__
    return f"{Path(code.co_filename).name}, line {line}"


def _check_onnx(cell: Cell) -> None:
    operator = cell.onnx
    if operator is None:
        return
    for kind, operator_names, cell_names in (
        ("gates", operator.gates, cell.gates),
        ("vectors", operator.vectors, cell.vectors),
    ):
        if sorted(operator_names.split()) != sorted(cell_names):
            raise CellError(
                f"{cell.name}'s OnnxOperator has the {kind} {operator_names!r}, the cell {' '.join(cell_names)!r}; "
                f"name the same {kind}, in the operator's order"
            )


def _check_letters(cell: Cell) -> None:
    names = (*cell.states, *cell.traced)
    for letter in cell.letters:
        if letter not in names:
            raise CellError(
                f"{cell.name} gives the letter {letter!r} a meaning, and its trace shows {' '.join(names)}; "
                "name one of them"
            )


def _find(module: str, path: str) -> Cell:
    cell: object = attrgetter(path)(import_module(module))
    if not isinstance(cell, Cell):
        raise CellError(f"{module}.{path} is no cell any more; restore its declaration")
    return cell
