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
    "rnn_relu",
    "rnn_tanh",
]


def by_name(name: str) -> Cell:
    """The cell of that name. Raises CellError, with the known names, nearest first, if there is none."""
    for known in CELLS:
        if known.name == name:
            return known
    names = nearest_first(name, (known.name for known in CELLS))
    raise CellError(f"there is no cell {name!r}; known are {', '.join(names)}")
