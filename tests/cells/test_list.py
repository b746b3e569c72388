"""The list of cells, and finding one by its name."""

import pytest

from keepgate import cells
from keepgate.errors import CellError


def test_every_cell_is_found_by_its_name():
    assert [cells.by_name(cell.name) for cell in cells.CELLS] == list(cells.CELLS)
    assert [cell.name for cell in cells.CELLS] == [
        "rnn_tanh", "rnn_relu", "lstm", "gru", "peephole", "mingru", "gru_reset_before", "coupled_lstm", "ct_rnn",
        "indrnn", "layer_norm_lstm", "layer_norm_gru", "ligru", "minlstm", "slstm",
    ]  # fmt: skip


def test_gates_are_in_torchs_order():
    assert " ".join(cells.lstm.gates) == "i f g o"
    assert " ".join(cells.gru.gates) == "r z n"
    assert cells.lstm.states == ("h", "c")


@pytest.mark.parametrize("cell", cells.CELLS, ids=lambda cell: cell.name)
def test_every_letter_of_a_trace_has_a_meaning(cell):
    assert set(cell.letters) == {*cell.states, *cell.traced}


@pytest.mark.parametrize(("name", "nearest"), [("LSTN", "lstm"), ("gru2", "gru"), ("rnn_than", "rnn_tanh")])
def test_an_unknown_cell_is_told_the_known_ones_nearest_first(name, nearest):
    with pytest.raises(CellError, match=f"no cell '{name}'; known are {nearest}, ") as raised:
        cells.by_name(name)
    assert all(cell.name in str(raised.value) for cell in cells.CELLS)


@pytest.mark.parametrize("cell", cells.CELLS, ids=lambda cell: cell.name)
def test_every_cells_file_names_its_paper_and_how_ours_differs(cell):
    import sys

    text = sys.modules[cell.step.__module__].__doc__
    assert "Ours differs" in text
    assert any(f"({year})" in text for year in range(1990, 2030))
