"""Retention of one write: how much of it is left after each later token, and which token erased it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import ShapeError
from ...nn.trace import LayerTrace
from ..compact_repr import compact_repr
from .additive import forgotten_from, memory_updates, retention_of


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteRetention:
    """One write, followed to the end. Shares are of its size, the sum over its units of what it added, unsigned.

    step:   the token that wrote. size: that sum, in the memory's own units; if it is 0, all shares are 0.
    retained:   the share that is left after each token; 0 before the write, 1 at it.
    forgotten: the share that each token erased. All of them and what is left at the end make 1.
    """

    step: int
    size: float
    retained: Float[Tensor, " time"]
    forgotten: Float[Tensor, " time"]

    __repr__ = compact_repr

    @property
    def at_end(self) -> float:
        """The share that is left when all has been read."""
        return 1 - float(self.forgotten.sum()) if self.size else 0.0


def write_retention(layer: LayerTrace, step: int, *, row: int = 0, unit: int | None = None) -> WriteRetention:
    """What became of what a layer wrote at one step, in all units or in one.

    Exact for gates between 0 and 1, by which no part of a write ever changes its sign.
    Raises CellError for a cell whose memory is no sum of writes, ShapeError for a step or unit that there is not.
    """
    writes = memory_updates(layer)
    units = writes.write.shape[2]
    if unit is not None and not 0 <= unit < units:
        raise ShapeError(f"unit is {unit}; this layer has units 0 to {units - 1}")
    which = slice(None) if unit is None else slice(unit, unit + 1)
    sizes = writes.write[step, row, which].detach().abs().double()
    size = float(sizes.sum())
    if size == 0:
        nothing = torch.zeros(len(writes.write), dtype=torch.float64)
        return WriteRetention(step=step, size=0.0, retained=nothing, forgotten=nothing)
    left = (retention_of(writes, step)[:, row, which].detach().double() * sizes).sum(1) / size
    gone = forgotten_from(writes, step)[:, row, which].detach().abs().double().sum(1) / size
    return WriteRetention(step=step, size=size, retained=left, forgotten=gone)
