"""The cells, one file each, with its paper. The list is written out: nothing registers itself."""

from ..equations import Cell
from ..errors import CellError, nearest_first
from .gru import gru
from .gru_reset_before import gru_reset_before
from .lstm import lstm
from .mingru import mingru
from .peephole import peephole
from .rnn import rnn_relu, rnn_tanh

CELLS: tuple[Cell, ...] = (rnn_tanh, rnn_relu, lstm, gru, gru_reset_before, peephole, mingru)

__all__ = [
    "CELLS",
    "by_name",
    "gru",
    "gru_reset_before",
    "lstm",
    "mingru",
    "peephole",
    "register",
    "rnn_relu",
    "rnn_tanh",
]


_registered: dict[str, Cell] = {}


def register(cell: Cell) -> str:
    """Makes a cell of one's own known by its qualified name, "my_cells.slim", and returns that.

    Then `Recurrent("my_cells.slim", …)` finds it, and so do compiled and exported programs that name it: a name in a
    file never imports anything. The settings of tasks, and so model folders, name keepgate's own cells only.
    A cell that is declared again takes the earlier one's place.
    """
    if cell not in CELLS:
        _registered[cell.qualified_name] = cell
    return cell.name if cell in CELLS else cell.qualified_name


def by_name(name: str) -> Cell:
    """The cell of that name, one of ours or one that `register` was given.

    Raises CellError, with the known names, nearest first, if there is none.
    """
    known = {cell.name: cell for cell in CELLS} | _registered
    if name not in known:
        raise CellError(
            f"there is no cell {name!r}; known are {', '.join(nearest_first(name, known))}"
            + ("; declare yours and call keepgate.cells.register(it) first" if "." in name else "")
        )
    return known[name]
