"""Cells as the native driver reads them: shapes and programs, in a text file."""

from pathlib import Path

from keepgate import cells
from keepgate.arrays.core_cell import encode_cell
from keepgate.cells.zoneout import with_masks
from keepgate.equations import Cell
from tests.kernels.calls import COMPILED
from tests.kernels.user_cells import COPIES, USER_CELLS

# With masks that no compiled cell has together.
_MASKED = with_masks(cells.lstm, True, True, True), with_masks(cells.gru, True, False, True)


def cells_file(folder: Path, *, without: Cell | None = None) -> Path:
    """A file in the folder with what the core is given of each compiled cell, and of cells that are none."""
    path = folder / "cells.txt"
    written = [*COMPILED, *COPIES.values(), *USER_CELLS, *_MASKED]
    path.write_text(
        "".join(f"{' '.join(map(str, words(cell)))}\n" for cell in written if cell is not without)
    )
    return path


def words(cell: Cell) -> list[object]:
    step = encode_cell(cell)
    gates, states, vectors, saved, split, dense, bias_hh, recurrent_state, unit_inputs, inside = step.shape
    reads = [*map(int, (dense, bias_hh, step.reads_output))]
    found: list[object] = [
        cell.name,
        gates,
        states,
        vectors,
        saved,
        split,
        *reads,
        recurrent_state,
        unit_inputs,
        inside,
        *step.wx_gates,
        *step.uh_gates,
    ]
    before = gates + split + states + vectors + unit_inputs
    forward, operands = before + states, 2 * (inside > 0)
    backward = before + 3 * states + saved + vectors + unit_inputs + operands
    bound = (forward, forward + saved, backward, *((forward, backward) if inside else (0, 0)))
    for registers, (constants, temporaries, row_temporaries, lines) in zip(bound, step.programs, strict=True):
        found += [registers, len(constants), *constants, temporaries, row_temporaries, len(lines)]
        found += [number for line in lines for number in line]
    return found
