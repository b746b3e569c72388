"""Random networks of every kind, seen over ragged rows: what the measures are tried on."""

from collections.abc import Iterator

import pytest
import torch

from keepgate.cells import CELLS, by_name
from keepgate.equations import Cell
from keepgate.lens.capture.layer_run import LayerRun, capture_layer
from keepgate.nn import LSTM, Recurrent
from tests.equations.later_cells import LATER
from tests.kernels.user_cells import reads_memory

STEPS, ROWS, INPUTS, UNITS = 7, 3, 5, 4
LENGTHS = [7, 0, 4]

ALL: tuple[Cell, ...] = (*CELLS, *LATER, reads_memory)
CARRYING = tuple(cell for cell in ALL if cell.additive)


def network(
    cell: Cell | str,
    layers: int = 2,
    *,
    projected: bool = False,
    scale: float = 0.7,
    bidirectional: bool = True,
) -> Recurrent:
    """Layers in float64, by default in two directions, with weights large enough for gates to close and to open."""
    cell = by_name(cell) if isinstance(cell, str) else cell
    if projected:
        layer: Recurrent = LSTM(INPUTS, UNITS, layers, bidirectional=True, proj_size=3, dtype=torch.float64)
    else:
        layer = Recurrent(cell, INPUTS, UNITS, layers, bidirectional=bidirectional, dtype=torch.float64)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.normal_(0, 0.2 if layer.cell.name == "made_up" else scale)  # which grows without bounds
    return layer


def states(layer: Recurrent, rows: int = ROWS) -> tuple[torch.Tensor, ...]:
    """States to begin with, positive where a cell divides by them."""
    places = layer.num_layers * layer.directions
    sizes = (layer.output_size, *[layer.hidden_size] * (len(layer.cell.states) - 1))
    return tuple(torch.rand(places, rows, size, dtype=torch.float64) + 0.5 for size in sizes)


def runs(cell: Cell | str, *, projected: bool = False) -> Iterator[LayerRun]:
    """Runs over whole rows, over ragged ones, and over rows that hold several sequences; with states before them."""
    resets = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    resets[3, 0] = resets[0, 2] = resets[2, 2] = True
    for lengths, begins in ((None, None), (LENGTHS, None), (LENGTHS, resets)):
        layer = network(cell, projected=projected)
        hx = states(layer)
        x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
        yield capture_layer(layer, x, hx if len(hx) > 1 else hx[0], lengths=lengths, resets=begins)


KINDS = [*((cell, False) for cell in CARRYING), (next(c for c in CARRYING if c.name == "lstm"), True)]
# Those whose output is read from the memory unit by unit, by no normalisation of it.
UNIT_BY_UNIT = [kind for kind in KINDS if not (kind[0].row_means and len(kind[0].states) > 1)]


def _each(kinds):
    return pytest.mark.parametrize(
        ("cell", "projected"), kinds, ids=lambda v: getattr(v, "name", "projected" if v else "")
    )


every_cell, every_unit_by_unit_cell = _each(KINDS), _each(UNIT_BY_UNIT)
