"""The JavaScript of the cells as text; that it computes what Python does, tests/serve/page/test_engine.py shows."""

import re

import pytest

from keepgate.cells import CELLS
from keepgate.emit.js import module
from keepgate.errors import CellError
from tests.kernels.user_cells import USER_CELLS

ELEMENTWISE = [cell for cell in (*CELLS, *USER_CELLS) if cell.recurrent != "in_step" and not cell.row_means]


@pytest.mark.parametrize(
    "cell", [cell for cell in CELLS if cell not in ELEMENTWISE], ids=lambda cell: cell.name
)
def test_a_step_that_is_not_elementwise_is_refused(cell) -> None:
    why = "takes means over the units" if cell.row_means else "in_step"
    with pytest.raises(CellError, match=f"{cell.name} .*{why}"):
        module([cell])


@pytest.mark.parametrize("cell", ELEMENTWISE, ids=lambda cell: cell.name)
def test_a_step_reads_nothing_that_it_does_not_define(cell) -> None:
    text = module([cell])
    defined = set(re.findall(r"const (\w+) = ", text)) | set(re.findall(r"\b(\w+) = \w+\[", text))
    methods = set(re.findall(r"^  (\w+)\(", text, re.MULTILINE))
    called = set(re.findall(r"(?<![.\w])(\w+)\(", text)) - methods - {"for"}
    assert called <= defined
    assert {"step", "given", "slopes", "backward"} <= methods
