"""CoreCell: a cell registered with the C++ core under a number: a compiled cell, or one encoded as programs, once."""

import warnings
import weakref
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import cells
from ..emit.program import Program, step_program
from ..equations import Cell
from ..errors import CellError, KernelRefused
from .compiled import MISSING, _core

# Constants, temporaries, row temporaries, and of each instruction the operation, the result's register and three
# arguments'.
_EncodedProgram = tuple[tuple[float, ...], int, int, tuple[tuple[int, ...], ...]]

_OPERATIONS = {} if MISSING else {name: number for number, name in enumerate(_core.operations())}


@dataclass(frozen=True, slots=True)
class CoreCell:
    """number: the core's. planes: the names of what a forward pass saves, in order; with a projection one more follows,
    the state before it. reads_output: as in `emit.program.StepProgram`.
    operator_name: the name in torch.library's operators; a user cell's includes a digest of its equations.
    """

    number: int
    planes: tuple[str, ...]
    reads_output: bool
    operator_name: str


# By id(cell), since two cells may share a name. A cell that the core cannot run has the reason in its place.
_REGISTERED: dict[int, CoreCell | str] = {}
_WARNED: weakref.WeakSet[Cell] = weakref.WeakSet()
_COMPILED = {} if MISSING else {id(cell): _core.cells().index(cell.name) for cell in cells.COMPILED}
# Compiled graphs and exported programs of this process name cells by `operator_name`.
_CELL_BY_OPERATOR: dict[str, Cell] = {}
# By the encoded programs: a cell that a notebook declares again is not registered again.
_NUMBER_BY_PROGRAMS: dict[object, int] = {}


def core_cell_or_reason(cell: Cell) -> CoreCell | str:
    """The registered cell, or why the core cannot run it; registers it at first use."""
    core = _REGISTERED.get(id(cell))
    return _register(cell) if core is None else core


def core_cell(cell: Cell) -> CoreCell:
    """The registered cell; registers it at first use. Raises KernelRefused where the core cannot run it."""
    core = core_cell_or_reason(cell)
    if isinstance(core, str):
        raise KernelRefused(core)
    return core


def prepare_cell(cell: Cell, trained: Cell | None = None) -> None:
    """Registers a cell with the core before its first call; warns once for a cell that the core cannot run.

    trained: the cell in its place in training, if it is another. Without a core, its import has warned.
    """
    for each, when in ((cell, ""), (trained or cell, " in training")):
        if isinstance(reason := core_cell_or_reason(each), str):
            if reason != MISSING and each not in _WARNED:
                _WARNED.add(each)
                warnings.warn(
                    f"{reason}; so the reference runs it{when}, a loop over time in Python "
                    "(keepgate.explain_kernels says so too)",
                    stacklevel=4,
                )
            return


def cell_of_operator(name: str) -> Cell:
    """The cell that an operator names. Raises CellError where it is not known, or has other equations now."""
    return _CELL_BY_OPERATOR.get(name) or cells.by_name(name)


def in_core_order(addresses: tuple[int, ...], weight_hh: Any, hidden: int) -> tuple[int, ...]:
    """Addresses of weights, or of their gradients, in the core's order: a diagonal weight_hh last, a vector a gate.

    addresses: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr and the cell's vectors, 0 for none.
    weight_hh: the weight itself, an array or a tensor, or None.
    """
    if weight_hh is None or weight_hh.ndim > 1:
        return addresses
    start, size = addresses[1], hidden * weight_hh.itemsize
    gates = [start and start + gate * size for gate in range(weight_hh.shape[0] // hidden)]
    return (addresses[0], 0, *addresses[2:], *gates)


def pack(
    cell_number: int,
    dtype_number: int,
    sizes: tuple[int, int, int, int, int],
    addresses: tuple[int, ...],
    into: int,
) -> None:
    """Packs the weights at these addresses (0 for none, in the core's order) for later runs.

    into: the address of `_core.packed_bytes` bytes, a multiple of 64.
    """
    no_array, without_steps = (0, 0, 0), (0, 0, *sizes[2:])
    _core.Forward(
        cell_number, dtype_number, without_steps, 1, False, False, no_array, (), 0, 0, (), (), addresses, into,
        no_array, (),
    ).run()  # fmt: skip


def _register(cell: Cell) -> CoreCell | str:
    _REGISTERED[id(cell)] = core = _build_core_cell(cell)
    weakref.finalize(cell, _REGISTERED.pop, id(cell), None)
    if isinstance(core, CoreCell):
        _CELL_BY_OPERATOR[core.operator_name] = cell
    return core


def _build_core_cell(cell: Cell) -> CoreCell | str:
    if MISSING:
        return MISSING
    try:
        step = encode_cell(cell)
    except CellError as error:
        return str(error)
    key = (step.shape, step.wx_gates, step.uh_gates, *step.programs)
    number = _COMPILED.get(id(cell), _NUMBER_BY_PROGRAMS.get(key))
    if number is None:
        try:
            number = _NUMBER_BY_PROGRAMS[key] = _core.add_program(*key)
        except ValueError as error:
            return f"{cell.name} is larger than the core's tables: {error}"
    planes = (*cell.states[1:], *cell.analysis.saved) if id(cell) in _COMPILED else step.planes
    name = cell.name if cell in cells.CELLS else f"{cell.qualified_name}@{cell.graph.digest}"
    return CoreCell(number, planes, step.reads_output, name)


class EncodedCell(NamedTuple):
    """A cell as integers for `_core.add_program`. shape: numbers of gates, states, vectors, saved values, split gates;
    whether uh is a matrix product, whether it has a bias; the recurrent state; numbers of unit inputs, and of gates
    whose product is inside the step.
    wx_gates, uh_gates: as in `Columns`, by number.
    programs: infer, forward, backward, operand, d_inside."""

    shape: tuple[int, int, int, int, int, bool, bool, int, int, int]
    wx_gates: tuple[int, ...]
    uh_gates: tuple[int, ...]
    programs: tuple[_EncodedProgram, _EncodedProgram, _EncodedProgram, _EncodedProgram, _EncodedProgram]
    planes: tuple[str, ...]
    reads_output: bool


def encode_cell(cell: Cell) -> EncodedCell:
    """The cell for `_core.add_program`. Raises CellError for products inside the step that the core cannot make."""
    step, index = step_program(cell), cell.gates.index
    saved = len(step.planes) - len(cell.states) + 1 - bool(step.inside)
    uh = cell.recurrent in ("dense", "in_step"), cell.recurrent != "none"
    infer, forward, backward, operand, d_inside = (
        _encode_program(program)
        for program in (step.infer, step.forward, step.backward, step.operand, step.d_inside)
    )
    return EncodedCell(
        shape=(
            len(cell.gates),
            len(cell.states),
            len(step.vectors),
            saved,
            len(step.split),
            *uh,
            step.recurrent_state,
            step.unit_inputs,
            step.inside,
        ),
        wx_gates=tuple(map(index, step.wx_gates)),
        uh_gates=tuple(map(index, step.uh_gates)),
        programs=(infer, forward, backward, operand, d_inside),
        planes=step.planes,
        reads_output=step.reads_output,
    )


def _encode_program(program: Program) -> _EncodedProgram:
    lines = [
        (_OPERATIONS[operation], result, *arguments, *[arguments[0]] * (3 - len(arguments)))
        for operation, result, arguments in program.instructions
    ]
    return program.constants, program.temporaries, program.row_temporaries, tuple(lines)
