"""A cell's description, read: its names checked, its step run on symbols, what it returns checked."""

import keyword
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from ..errors import CellError, nearest_first
from .expr import Expr, product, symbol, topological
from .graph import Graph

Recurrence = Literal["dense", "diagonal", "none", "in_step"]

# Attributes of LayerTrace and Trace, so that `trace.f` can be a gate, and parameters of a step.
RESERVED = frozenset({
    "cell", "final", "get", "initial", "is_real", "items", "keys", "layer", "layers", "lengths", "names", "output",
    "over_time", "previous", "rebuild", "resets", "reverse", "self", "state_before", "uh", "values", "was_cleared",
    "weight_hr", "wx",
})  # fmt: skip
# What the symbols of a graph begin and end with.
RESERVED_PREFIXES, RESERVED_SUFFIX = ("_", "wx_", "uh_", "u_", "d_"), "_prev"


class Step(dict[str, Any]):
    """The named results of one step: the new states first; whatever else it names can be seen in a trace."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Declaration:
    """What the author of a cell writes down; `Cell` has the meaning of each."""

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    recurrent: Recurrence
    vectors: tuple[str, ...]
    unit_inputs: tuple[str, ...]
    recurrent_state: str
    step: Callable[..., Step]


class Named:
    """What a step is given: `wx.i` is the block of gate i, `s.h` the state h. It may be any object."""

    def __init__(self, **items: Any) -> None:
        for name, item in items.items():
            setattr(self, name, item)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class _Known(Named):
    """Symbols by name, on which a step is run when it is declared: an unknown name is an error."""

    def __init__(self, what: str, items: Mapping[str, object]) -> None:
        super().__init__(**items)
        self._what = what

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        names = nearest_first(name, (k for k in self.__dict__ if k != "_what"))
        raise CellError(
            f"the step asks for {self._what}.{name}; "
            + (
                f"known are {', '.join(names)}"
                if names
                else f"with recurrent='none' there is no {self._what}"
            )
        )


def check_names(cell: Declaration) -> None:
    for kind, names in (("gates", cell.gates), ("states", cell.states)):
        if not names:
            raise CellError(f"{cell.name} has no {kind}; name them, separated by spaces: {kind}='h c'")
    if cell.recurrent not in get_args(Recurrence):
        recurrences = nearest_first(str(cell.recurrent), get_args(Recurrence))
        raise CellError(f"{cell.name} has recurrent={cell.recurrent!r}; known are {', '.join(recurrences)}")
    if cell.recurrent_state not in cell.states:
        raise CellError(
            f"{cell.name} has recurrent_state={cell.recurrent_state!r}; name one of its states, "
            f"{' '.join(nearest_first(cell.recurrent_state, cell.states))}"
        )
    names = (*cell.gates, *cell.states, *cell.vectors, *cell.unit_inputs)
    _refuse_twice(cell.name, names)
    for name in names:
        _refuse_name(cell.name, name)


def _refuse_twice(cell: str, names: Iterable[str]) -> None:
    earlier: set[str] = set()
    for name in names:
        if name in earlier:
            raise CellError(
                f"{cell} uses the name {name!r} twice; each gate, state and vector needs a name of its own, "
                "by which a trace shows it"
            )
        earlier.add(name)


def _refuse_name(cell: str, name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise CellError(f"{cell} uses the name {name!r}; it must be a Python name, such as f or p_i")
    if name in RESERVED or name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIX):
        raise CellError(
            f"{cell} uses the name {name!r}, which is taken: a trace and a graph have words of their own "
            f"({' '.join(sorted(RESERVED))}, {'… '.join(RESERVED_PREFIXES)}…, …{RESERVED_SUFFIX}); "
            "choose another"
        )


def trace_step(cell: Declaration) -> Graph:
    """Run the step on symbols."""
    symbols = {g: symbol(f"wx_{g}") for g in cell.gates}
    uh = {g: symbol(f"uh_{g}") for g in cell.gates} if cell.recurrent in ("dense", "diagonal") else {}
    previous = {s: symbol(f"{s}_prev") for s in cell.states}
    vectors = {v: symbol(v) for v in cell.vectors}
    in_step = {g: lambda value, block=f"u_{g}": product(block, value) for g in cell.gates}
    arguments = [
        _Known("wx", symbols),
        _Known("u", in_step) if cell.recurrent == "in_step" else _Known("uh", uh),
        _Known("s", previous),
    ]
    unit_inputs = {name: symbol(name) for name in cell.unit_inputs}
    arguments += [
        _Known(argument, nodes)
        for argument, nodes in (("vectors", vectors), ("inputs", unit_inputs))
        if nodes
    ]
    try:
        results = cell.step(*arguments)
    except CellError as error:
        raise CellError(f"{cell.name}: {error}") from None
    except (TypeError, AttributeError, NameError, ValueError, LookupError, ArithmeticError) as error:
        raise CellError(
            f"{cell.name}'s step cannot run on symbols: {error}; write it as a function of "
            f"(wx, uh, s{', vectors' if vectors else ''}{', inputs' if unit_inputs else ''}) with + - * / and "
            "keepgate.equations' functions"
        ) from error
    _check_results(cell, results)
    return Graph(
        wx=symbols,
        uh=uh,
        previous=previous,
        vectors=vectors,
        unit_inputs=unit_inputs,
        next={s: results[s] for s in cell.states},
        traced={name: node for name, node in results.items() if name not in cell.states},
    )


def _check_results(cell: Declaration, results: object) -> None:
    if not isinstance(results, Step):
        raise CellError(f"{cell.name}'s step returns {type(results).__name__}; return Step(h=h, …)")
    for state in cell.states:
        if state not in results:
            raise CellError(
                f"{cell.name} declares the state {state!r}, but its step returns "
                f"{' '.join(results) or 'nothing'}; return Step({state}=…) or leave it out of states"
            )
    for name, node in results.items():
        if not isinstance(node, Expr):
            raise CellError(
                f"{cell.name}'s step returns {name}={node!r}; return a value computed from what it is given"
            )
        if name not in cell.states:
            _refuse_name(cell.name, name)
            if name in (*cell.vectors, *cell.unit_inputs):
                raise CellError(
                    f"{cell.name}'s step returns {name!r}, which is one of its vectors or unit inputs; "
                    "choose another name"
                )


def check_unused_parameters(cell: Declaration, graph: Graph) -> None:
    """Refuse parameters that no new state depends on: they would look trained and never be."""
    symbols = {node.name for node in topological(graph.next.values()) if node.op == "symbol"}
    for gate in cell.gates:
        if symbols.isdisjoint((f"wx_{gate}", f"uh_{gate}", f"u_{gate}")):
            raise CellError(
                f"no state of {cell.name} depends on its gate {gate!r}; use it or leave it out of gates"
            )
    for kind, names in (("vector", cell.vectors), ("unit input", cell.unit_inputs)):
        for name in names:
            if name not in symbols:
                raise CellError(
                    f"no state of {cell.name} depends on its {kind} {name!r}; use it or leave it out"
                )
    prefix = "u_" if cell.recurrent == "in_step" else "uh_"
    if cell.recurrent != "none" and not any(f"{prefix}{gate}" in symbols for gate in cell.gates):
        raise CellError(
            f"{cell.name} is declared recurrent={cell.recurrent!r}, but no state depends on {prefix[:-1]}, "
            "so that weight_hh would never be trained; use it or declare recurrent='none'"
        )
