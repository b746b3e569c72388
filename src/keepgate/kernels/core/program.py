"""CoreCell: a cell as the C++ core knows it, by its number; one that is not compiled is added as programs, once."""

import warnings
import weakref
from dataclasses import dataclass
from typing import NamedTuple

from ... import _core, cells
from ...emit.program import Program, step_program
from ...equations import Cell
from ...errors import KernelRefused

# Constants, temporaries, and of each instruction the operation, the result's register and three arguments'.
_Lines = tuple[tuple[float, ...], int, tuple[tuple[int, ...], ...]]

_OPERATIONS = {name: number for number, name in enumerate(_core.operations())}


@dataclass(frozen=True, slots=True)
class CoreCell:
    """number: the core's. planes: the names of what a run keeps, in their order; with a projection one more follows,
    the state that is projected. reads_output: whether a unit's step reads that unit's output before.
    operator_name: how operators of torch.library name it; of a user's cell the equations are part of it.
    """

    number: int
    planes: tuple[str, ...]
    reads_output: bool
    operator_name: str


# By the cell itself, not by its name: two may be called alike. What the core cannot run has the reason in its place.
_ADDED: dict[int, CoreCell | str] = {}
_COMPILED = {id(cells.by_name(name)): number for number, name in enumerate(_core.cells())}
# What compiled graphs and exported programs of this process name.
_BY_OPERATOR: dict[str, Cell] = {}
# By all that the core was given: a cell declared again in a notebook takes no more room.
_NUMBERS: dict[object, int] = {}


def core_cell(cell: Cell) -> CoreCell | str:
    """The cell as the core knows it, or why the core cannot run it."""
    core = _ADDED.get(id(cell))
    return _add(cell) if core is None else core


def known(cell: Cell) -> CoreCell:
    """The cell as the core knows it. Raises KernelRefused where the core cannot run it."""
    core = core_cell(cell)
    if isinstance(core, str):
        raise KernelRefused(core)
    return core


def prepare_cell(cell: Cell) -> None:
    """Adds a cell to the core before it first runs; warns, once for a cell, where the core cannot run it."""
    if id(cell) not in _ADDED and isinstance(reason := _add(cell), str) and cell not in cells.CELLS:
        warnings.warn(
            f"{reason}; so the reference runs it, a loop over time in Python (keepgate.explain says so too)",
            stacklevel=4,
        )


def cell_of_operator(name: str) -> Cell:
    """The cell that an operator names. Raises CellError where it is not known, or has other equations now."""
    return _BY_OPERATOR.get(name) or cells.by_name(name)


def _add(cell: Cell) -> CoreCell | str:
    _ADDED[id(cell)] = core = _added(cell)
    weakref.finalize(cell, _ADDED.pop, id(cell), None)
    if isinstance(core, CoreCell):
        _BY_OPERATOR[core.operator_name] = cell
    return core


def _added(cell: Cell) -> CoreCell | str:
    if cell.recurrent == "in_step":
        return f"{cell.name} multiplies by a matrix inside its step, and the core's steps are elementwise"
    step = encoded(cell)
    key = (step.shape, step.wx_gates, step.uh_gates, *step.programs)
    number = _COMPILED.get(id(cell), _NUMBERS.get(key))
    if number is None:
        try:
            number = _NUMBERS[key] = _core.add_program(*key)
        except ValueError as error:
            return f"{cell.name} is larger than the core's tables: {error}"
    planes = (*cell.states[1:], *cell.analysis.saved) if id(cell) in _COMPILED else step.planes
    name = cell.name if id(cell) in _COMPILED else f"{cell.qualified_name}@{cell.graph.digest}"
    return CoreCell(number, planes, step.reads_output, name)


class Encoded(NamedTuple):
    """A cell in numbers. shape: gates, states, vectors, planes beside the states, split gates; whether uh is a product,
    whether it has a bias. wx_gates, uh_gates: as in `Columns`, by number. programs: infer, forward, backward."""

    shape: tuple[int, int, int, int, int, bool, bool]
    wx_gates: tuple[int, ...]
    uh_gates: tuple[int, ...]
    programs: tuple[_Lines, _Lines, _Lines]
    planes: tuple[str, ...]
    reads_output: bool


def encoded(cell: Cell) -> Encoded:
    """The cell in the core's own numbers. Raises CellError for one whose step is not elementwise."""
    step, index = step_program(cell), cell.gates.index
    kept = len(step.planes) - len(cell.states) + 1
    uh = cell.recurrent == "dense", cell.recurrent != "none"
    return Encoded(
        shape=(len(cell.gates), len(cell.states), len(step.vectors), kept, len(step.split), *uh),
        wx_gates=tuple(map(index, step.wx_gates)),
        uh_gates=tuple(map(index, step.uh_gates)),
        programs=(_in_numbers(step.infer), _in_numbers(step.forward), _in_numbers(step.backward)),
        planes=step.planes,
        reads_output=step.reads_output,
    )


def _in_numbers(program: Program) -> _Lines:
    lines = [
        (_OPERATIONS[operation], result, *arguments, *[arguments[0]] * (3 - len(arguments)))
        for operation, result, arguments in program.instructions
    ]
    return program.constants, program.temporaries, tuple(lines)
