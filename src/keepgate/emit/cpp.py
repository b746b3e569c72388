"""The C++ of a cell: one struct, with one step forward and one backward for any vector of numbers."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from textwrap import wrap
from typing import Any

from ..cells import COMPILED
from ..equations import Cell, Expr, gradients, topological
from .expression import write
from .preactivations import Columns, columns
from .row_cpp import RowStep
from .step import STEP_WORDS, WIDTH, by_node, filled, names_of, numbered, step_body

GENERATED = "// GENERATED from "

# What no name of a cell may hide: C++'s own words, the functions that a step calls, and its parameters.
WORDS = f"""
    alignas alignof and asm auto bool break case catch char class compl const constexpr const_cast continue decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int
    long mutable namespace new noexcept not nullptr operator or private protected public register reinterpret_cast
    requires return short signed sizeof static static_assert static_cast struct switch template this throw true try
    typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
    {STEP_WORDS}
    V d_next d_per_unit d_pre d_prev next per_unit pre prev saved
"""
_AS_CPP: dict[str, Any] = {"words": WORDS.split(), "declare": "const V ", "write": write}


def files() -> dict[str, str]:
    """The text of every file of csrc/cells, by name: one for each compiled cell, and all.h."""
    return {**{f"{cell.name}.h": header(cell) for cell in COMPILED}, "all.h": all_headers(COMPILED)}


def all_headers(cells: Iterable[Cell]) -> str:
    """The text of all.h: each cell's file, and their lists: KEEPGATE_CELLS, and KEEPGATE_ROW_CELLS of those that loop
    over a row."""
    cells = list(cells)
    lists = {"KEEPGATE_CELLS": False, "KEEPGATE_ROW_CELLS": True}
    lines = [
        *_start("keepgate.cells.__init__"),
        *(f'#include "{cell.name}.h"' for cell in cells),
    ]
    for name, row_means in lists.items():
        listed = [f"X({struct_name(cell)})" for cell in cells if cell.row_means == row_means]
        lines += ["", " \\\n  ".join([f"#define {name}(X)", *listed])]
    return "\n".join(lines) + "\n"


def struct_name(cell: Cell) -> str:
    """What the struct of a cell is called: RnnTanh for rnn_tanh."""
    return "".join(part.capitalize() for part in cell.name.split("_"))


def header(cell: Cell) -> str:
    """The text of a cell's file. Raises CellError if the cell has no graph.

    It includes nothing: V, its functions and KEEPGATE_INLINE are declared where it is included, which
    is once in each instruction set's namespace.
    """
    layout = columns(cell.product_free_graph, cell.gates, cell.analysis.saved)
    about = (sys.modules[cell.step.__module__].__doc__ or cell.name).strip().split("\n")[0]
    lines = [
        *_start(cell.step.__module__),
        "",
        f"// {about}",
        f"struct {struct_name(cell)} {{",
        *_indented(_constants(cell, layout)),
        "",
        *_indented(_forward(cell, layout)),
        "",
        *_indented(_backward(cell, layout)),
        "};",
    ]
    return "\n".join(lines) + "\n"


def _start(module: str) -> list[str]:
    file = module.replace(".", "/") + ".py"
    return [
        f"{GENERATED}{file} by `python -m keepgate.emit`; change that file, not this one.",
        "#pragma once",
    ]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _constants(cell: Cell, layout: Columns) -> list[str]:
    """What a driver must know of the cell, as constants, each with what it counts."""
    graph = cell.graph
    uh_gates = " ".join(layout.uh_gates) if graph.uh else "no uh"
    used = set(topological([*graph.next.values(), *graph.traced.values()]))
    reads = [node in used for node in graph.previous.values()]
    return _aligned(
        [
            (f'const char* name = "{cell.name}"', ""),
            (f"int gates = {len(cell.gates)}", " ".join(cell.gates)),
            (f"int states = {len(cell.states)}", " ".join(cell.states)),
            (f"int vectors = {len(cell.vectors)}", " ".join(cell.vectors)),
            (f"int unit_inputs = {len(cell.unit_inputs)}", " ".join(cell.unit_inputs)),
            (f"int saved = {len(cell.analysis.saved)}", " ".join(cell.analysis.saved)),
            (f"int split = {len(layout.split)}", "gates whose wx and uh do more than add up"),
            (f"int wx_gates[gates] = {_places(cell, layout.wx_gates)}", " ".join(layout.wx_gates)),
            (f"int uh_gates[gates] = {_places(cell, layout.uh_gates)}", uh_gates),
            (
                f"bool dense = {str(cell.recurrent == 'dense').lower()}",
                "whether uh is a product with the output before",
            ),
            (f"bool bias_hh = {str(bool(graph.uh)).lower()}", "whether uh has a bias"),
            (
                f"int recurrent_state = {cell.states.index(cell.recurrent_state)}",
                f"uh is made of {cell.recurrent_state}_prev" if graph.uh else "",
            ),
            (
                f"bool reads[states] = {{{', '.join(str(read).lower() for read in reads)}}}",
                "which states before it a step reads" + (" itself, beside uh" if graph.uh else ""),
            ),
        ]
    )


def _aligned(constants: list[tuple[str, str]]) -> list[str]:
    """Constants as lines; comments on neighbouring lines start in one column."""
    lines = []
    for has_comment, group in groupby(constants, key=lambda constant: bool(constant[1])):
        declared = [(f"static constexpr {text};", comment) for text, comment in group]
        widest = max(len(text) for text, _ in declared)
        lines += [f"{text:<{widest}}  // {comment}" if has_comment else text for text, comment in declared]
    return lines


def _places(cell: Cell, gates: Iterable[str]) -> str:
    return "{" + ", ".join(str(cell.gates.index(gate)) for gate in gates) + "}"


def _forward(cell: Cell, layout: Columns) -> Iterator[str]:
    graph = cell.graph
    arrays = {
        "pre": layout.values,
        "prev": names_of(graph.previous.values()),
        "per_unit": graph.vectors | graph.unit_inputs,
    }
    results = {"saved": cell.analysis.saved.values(), "next": graph.next.values()}
    name_of = by_node(graph.next, graph.traced)
    yield f"// {', '.join(layout.values)}  ->  {', '.join(graph.next)}" + _after("; ", cell.analysis.saved)
    if cell.row_means:
        yield from _row_function("forward", RowStep(arrays, results, name_of))
        return
    body = step_body(arrays, _written(results), called=name_of, always=graph.traced.values(), **_AS_CPP)
    yield from _function("forward", [*arrays], ("next", "saved"), body)


def _backward(cell: Cell, layout: Columns) -> Iterator[str]:
    graph = cell.graph
    parts = {**layout.values, **graph.traced, **graph.next}
    by_part = gradients(list(graph.next.values()), list(graph.upstream.values()), list(parts.values()))
    gradient = {f"d_{name}": node for name, node in zip(parts, by_part, strict=True)}
    previous, per_unit = names_of(graph.previous.values()), graph.vectors | graph.unit_inputs
    of = {
        "d_pre": layout.gradients,
        "d_prev": [f"d_{name}" for name in previous],
        "d_per_unit": [f"d_{name}" for name in per_unit],
    }
    results = {array: [cell.analysis.backward[name] for name in names] for array, names in of.items()}
    # The name d_c is for the whole gradient of c; the part that comes from later steps is d_next[1], if it is not all.
    upstream = names_of(graph.upstream.values())
    arriving = {
        name if gradient[name] is node or cell.row_means else f"d_next[{k}]": node
        for k, (name, node) in enumerate(upstream.items())
    }
    arrays = {
        "saved": cell.analysis.saved,
        "prev": previous,
        "next": graph.next,
        "per_unit": per_unit,
        "d_next": arriving,
    }
    name_of = by_node(graph.next, graph.traced, gradient)
    beside = " beside uh" if graph.uh else ""
    about = f"gradients of {', '.join(graph.next)}  ->  of {', '.join(layout.values)}; of {', '.join(previous)}{beside}"
    yield from (f"// {line}" for line in wrap(about + _after("; of ", per_unit), WIDTH - 5))
    if cell.row_means:
        yield from _row_function("backward", RowStep(arrays, results, {}))
        return
    body = step_body(arrays, _written(results), called=name_of, **_AS_CPP)
    reads = ("d_next", "saved", "prev", "next", "per_unit")
    yield from _function("backward", reads, [*results], body)


def _written(results: Mapping[str, Iterable[Expr]]) -> dict[str, Expr]:
    """What is written to each array, by its place there."""
    return {place: node for array, nodes in results.items() for place, node in numbered(array, nodes).items()}


def _row_function(name: str, step: RowStep) -> Iterator[str]:
    """A function of some rows, and how many numbers of each unit its loops keep for later ones."""
    yield f"static constexpr int {name}_keeps = {len(step.kept)};  // numbers of each unit, of one loop for later ones"
    yield "template <class Rows>"
    yield f"static KEEPGATE_INLINE void {name}(const Rows& rows) {{"
    yield "  using V = typename Rows::V;"
    yield from _indented(step.lines())
    yield "}"


def _function(name: str, reads: Iterable[str], writes: Iterable[str], body: list[str]) -> Iterator[str]:
    """A static member function. A parameter that its body does not use is only mentioned: C++ warns of others."""
    used = set(re.findall(r"(\w+)\[", "\n".join(body)))
    parameters = [("const V*", array) for array in reads] + [("V*", array) for array in writes]
    signature = [f"{kind} {array if array in used else f'/*{array}*/'}" for kind, array in parameters]
    yield "template <class V>"
    yield from filled(f"static KEEPGATE_INLINE void {name}(", signature, ") {", WIDTH - 2)
    yield from _indented(body)
    yield "}"


def _after(start: str, names: Iterable[str]) -> str:
    text = ", ".join(names)
    return start + text if text else ""
