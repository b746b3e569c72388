"""The choices of settings that name a cell and its initial weights, checked without building a layer."""

import math
from typing import Literal

from ..equations import Cell
from ..errors import SettingsError, nearest_first
from . import CELLS, by_name, rnn_tanh

CELL_NAMES = ("feedforward", "rnn", *(cell.name for cell in CELLS if cell is not rnn_tanh))
Init = Literal["torch", "orthogonal", "chrono"]
INITS: tuple[str, ...] = ("torch", "orthogonal", "chrono")


def cell_of(name: str) -> Cell | None:
    """The cell that settings call so, one of keepgate's or a registered one; None for "feedforward", a mere window.

    Raises SettingsError for an unknown name; it lists the known ones, nearest first. Raises CellError for the qualified
    name of a cell that is not registered.
    """
    if name not in CELL_NAMES and "." not in name:
        raise SettingsError(f"cell is {name!r}; choose one of {', '.join(nearest_first(name, CELL_NAMES))}")
    return None if name == "feedforward" else by_name("rnn_tanh" if name == "rnn" else name)


def check_init(cell: Cell, init: str, horizon: float | None, forget_bias: float | None, bias: bool) -> None:
    """Raises SettingsError for choices that make no sense together."""
    if init not in INITS:
        raise SettingsError(f"init is {init!r}; choose one of {', '.join(INITS)}")
    if (init == "chrono") != (horizon is not None):
        raise SettingsError(
            f"init={init!r} with horizon={horizon}: the chrono initialisation needs the horizon in steps that memory "
            "should span, the others none; write init='chrono', horizon=1000"
        )
    if horizon is not None and not (math.isfinite(horizon) and horizon > 2):
        raise SettingsError(f"horizon is {horizon} steps; it must be finite and greater than 2")
    if horizon is not None and forget_bias is not None:
        raise SettingsError(
            "init='chrono' draws the keeping gate's bias itself; leave forget_bias out, or use another init"
        )
    if forget_bias is not None and not math.isfinite(forget_bias):
        raise SettingsError(f"forget_bias is {forget_bias}; it must be finite")
    if horizon is None and forget_bias is None:
        return
    if cell.analysis.retain_bias is None:
        gate = cell.retain_gate
        lacks = f"keeps its memory by {gate}, which no bias of a single block sets"
        lacks = lacks if gate else "has no gate of its own that keeps its memory"
    elif not bias and any(part.name in cell.gates for part in cell.analysis.retain_bias):
        lacks = "was built with bias=False"
    else:
        return
    raise SettingsError(
        f"{cell.name} {lacks}, so its memory cannot be set by a bias; use init='orthogonal' or 'torch'"
    )
