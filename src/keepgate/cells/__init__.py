"""The cells, one file each, with its paper. The list is written out: nothing registers itself."""

from typing import Any

from ..equations import Cell
from ..errors import CellError, SettingsError, nearest_first
from .coupled_lstm import coupled_lstm
from .ct_rnn import ct_rnn
from .ea_lstm import ea_lstm
from .gru import gru
from .gru_reset_before import gru_reset_before
from .indrnn import indrnn
from .layer_norm_gru import layer_norm_gru
from .layer_norm_lstm import layer_norm_lstm
from .ligru import ligru
from .lstm import lstm
from .mingru import mingru
from .minlstm import minlstm
from .peephole import peephole
from .rnn import rnn_relu, rnn_tanh
from .slstm import slstm
from .zoneout import with_masks

_PLAIN = (rnn_tanh, rnn_relu, lstm, gru, peephole, mingru)
# In training, with zoneout of both states or of the memory alone, or with recurrent dropout; others are interpreted.
_MASKED = (
    with_masks(lstm, True, True, False), with_masks(lstm, False, True, False), with_masks(lstm, False, False, True),
    with_masks(gru, True, False, False), with_masks(gru, False, False, True),
)  # fmt: skip
# Written into the core as C++ (csrc/cells), in this order.
COMPILED: tuple[Cell, ...] = (*_PLAIN, *_MASKED, layer_norm_lstm, layer_norm_gru)
CELLS: tuple[Cell, ...] = (
    *_PLAIN, gru_reset_before, coupled_lstm, ct_rnn, indrnn, layer_norm_lstm, layer_norm_gru, ligru, minlstm, slstm,
)  # fmt: skip

__all__ = [
    "CELLS",
    "COMPILED",
    "by_name",
    "check_cell",
    "coupled_lstm",
    "ct_rnn",
    "ea_lstm",
    "gru",
    "gru_reset_before",
    "indrnn",
    "layer_norm_gru",
    "layer_norm_lstm",
    "ligru",
    "lstm",
    "mingru",
    "minlstm",
    "peephole",
    "pinned",
    "register",
    "rnn_relu",
    "rnn_tanh",
    "slstm",
]

# ea_lstm is no choice of settings: its initial states are not zeros.
_registered: dict[str, Cell] = {ea_lstm.qualified_name: ea_lstm}


def check_cell(cell: Any) -> None:
    """Raises SettingsError for what is no cell."""
    if not isinstance(cell, Cell):
        raise SettingsError(
            f"cell is {cell!r}; give a cell, such as keepgate.cells.lstm or one of your own made by "
            "keepgate.equations.cell"
        )


def register(cell: Cell) -> str:
    """Makes a cell of one's own known by its qualified name, "my_cells.slim", and returns that.

    Then `Recurrent("my_cells.slim", …)`, the settings of tasks, model folders and exported programs find it by that
    name: a name in a file never imports anything. A cell that is declared again takes the earlier one's place.
    Raises SettingsError for what is no cell.
    """
    check_cell(cell)
    if cell in CELLS:
        return cell.name
    _registered[cell.qualified_name] = cell
    return cell.qualified_name


def by_name(name: str) -> Cell:
    """The cell of that name, one of ours or one that `register` was given; of a `pinned` name, with its equations.

    Raises CellError, with the known names, nearest first, if there is none, or if it has other equations now.
    """
    qualified, _, digest = name.partition("@")
    by_names = {cell.name: cell for cell in CELLS} | _registered
    cell = by_names.get(qualified)
    if cell is None:
        raise CellError(
            f"there is no cell {qualified!r}; known are {', '.join(nearest_first(qualified, by_names))}"
            + (_how_to_register(qualified) if "." in qualified else "")
        )
    if digest and cell.graph.digest != digest:
        raise CellError(
            f"the cell {qualified} has other equations than when this was saved, compiled or exported; "
            "register the one from then, or make it again"
        )
    return cell


def pinned(name: str) -> str:
    """The name for files: of a registered cell "my_cells.slim@0f3a…", with the digest of its equations.

    Raises CellError as `by_name` does.
    """
    return f"{name}@{by_name(name).graph.digest}" if "." in name and "@" not in name else name


def _how_to_register(qualified: str) -> str:
    module, _, name = qualified.rpartition(".")
    if module == "__main__" or not all(map(str.isidentifier, qualified.split("."))):
        return "; declare yours and call keepgate.cells.register(it) first"
    return (
        f"; if it is yours, run first: `from {module} import {name}`, `keepgate.cells.register({name})`; commands know "
        "the cells of the files named in KEEPGATE_CELL_FILES"
    )
