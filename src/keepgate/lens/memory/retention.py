"""Retention of one write: the share of it left after each later token, and the share that each token forgot."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import ShapeError
from ...nn.trace import LayerTrace
from ..compact_repr import compact_repr
from .additive import forgotten_from, memory_updates, retained_from


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteRetention:
    """Retention of one write to the end of reading, as shares of its L1 norm.

    step: the token that wrote.
    size: the L1 norm of the write, Σ |write| over the hidden units; if it is 0, all shares are 0.
    retained:  the share that is left after each token; 0 before the write, 1 at it.
    forgotten: the share that each token erased; their sum and the share left at the end (`at_end`) make 1.
    """

    step: int
    size: float
    retained: Float[Tensor, " time"]
    forgotten: Float[Tensor, " time"]

    __repr__ = compact_repr

    @property
    def at_end(self) -> float:
        """Share that is left at the end of reading."""
        return 1 - float(self.forgotten.sum()) if self.size else 0.0


def write_retention(layer: LayerTrace, step: int, *, row: int = 0, unit: int | None = None) -> WriteRetention:
    """Retention of what a layer wrote at one step, in all hidden units (None) or in one.

    Exact for gates in [0, 1]: they never change the sign of a unit's write, so that the L1 norms add up.
    Raises CellError for a cell without an additive memory, ShapeError for a step or unit out of range.
    """
    updates = memory_updates(layer)
    steps, _, hidden = updates.write.shape
    if unit is not None and not 0 <= unit < hidden:
        raise ShapeError(f"unit is {unit}; this layer has units 0 to {hidden - 1}")
    units = slice(None) if unit is None else slice(unit, unit + 1)
    sizes = updates.write[step, row, units].detach().abs().double()
    size = float(sizes.sum())
    if size == 0:
        zeros = torch.zeros(steps, dtype=torch.float64)
        return WriteRetention(step=step, size=0.0, retained=zeros, forgotten=zeros)
    retained = (retained_from(updates, step)[:, row, units].detach().double() * sizes).sum(1) / size
    forgotten = forgotten_from(updates, step)[:, row, units].detach().abs().double().sum(1) / size
    return WriteRetention(step=step, size=size, retained=retained, forgotten=forgotten)
