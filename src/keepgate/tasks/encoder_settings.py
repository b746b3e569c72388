"""The check of the settings that the encoders of the tasks share: sizes, dropout, the cell and its initial weights."""

from typing import Any

from .. import cells
from ..cells.choices import cell_of, check_init
from ..config import check, require
from ..equations import Cell
from ..errors import SettingsError


def check_encoder(settings: Any, *names: str) -> Cell | None:
    """The encoder's cell, None for "feedforward"; a registered cell's name gets the digest of its equations.

    settings: a frozen dataclass with types to check, sizes, `cell`, `dropout`, `init`, `horizon` and `forget_bias`;
        `embedding_size` where there is one. names: of sizes beside those of the encoder.
    Raises SettingsError for a value that makes no sense, alone or beside another.
    """
    check(settings)
    embedding = ("embedding_size",) if hasattr(settings, "embedding_size") else ()
    sizes = (*embedding, "hidden_size", "num_layers", *names)
    require(settings, sizes, lambda value: value >= 1, "1 or more")
    require(settings, ("dropout",), lambda value: 0 <= value < 1, "0 or more and below 1")
    cell = _pinned(settings)
    if cell is not None:
        check_init(cell, settings.init, settings.horizon, settings.forget_bias, bias=True)
    return cell


def check_recurrent(settings: Any, task: str, *names: str) -> None:
    """`check_encoder` for a task ("a tagger") whose cell must have a memory. Raises SettingsError if it has none."""
    _require_memory(check_encoder(settings, *names), task)


def check_cell(settings: Any, task: str) -> None:
    """The check of `cell` alone, which must have a memory, as in `check_recurrent`."""
    _require_memory(_pinned(settings), task)


def _pinned(settings: Any) -> Cell | None:
    cell = cell_of(settings.cell)
    object.__setattr__(settings, "cell", cells.pinned(settings.cell))
    return cell


def _require_memory(cell: Cell | None, task: str) -> None:
    if cell is None:
        raise SettingsError(f'{task}\'s cell has a memory; choose "lstm", "gru" or "rnn"')
