"""The JavaScript of every cell, run by the browser: its step, its memory and its backward pass are those of the equations."""

from typing import Any

import pytest

from keepgate.cells import CELLS
from keepgate.emit.js import module
from keepgate.equations import Cell, evaluate

ELEMENTWISE = [cell for cell in CELLS if cell.recurrent != "in_step"]
UNITS = 3


def test_a_cell_that_multiplies_inside_its_step_is_refused() -> None:
    from keepgate.errors import CellError

    with pytest.raises(CellError, match="inside its step"):
        module([cell for cell in CELLS if cell.recurrent == "in_step"])
