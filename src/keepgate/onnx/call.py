"""SequenceCall: one layer and direction's run as the exporter gives it, in values of the ONNX graph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..equations import Cell


@dataclass(frozen=True, kw_only=True)
class SequenceCall:
    """As `kernels.Call`, without a trace. x: [time, batch, input]; states: [batch, units] each, None for zeros."""

    cell: Cell
    x: ir.Value
    weight_ih: ir.Value
    weight_hh: ir.Value | None
    bias_ih: ir.Value | None
    bias_hh: ir.Value | None
    weight_hr: ir.Value | None
    states: Sequence[ir.Value] | None
    vectors: Sequence[ir.Value]
    lengths: ir.Value | None
    resets: ir.Value | None
    reverse: bool

    @property
    def hidden_size(self) -> int:
        """Units of a gate."""
        assert self.weight_ih.shape is not None
        rows = self.weight_ih.shape[0]
        assert isinstance(rows, int)
        return rows // len(self.cell.gates)

    @property
    def state_sizes(self) -> list[int]:
        """Units of each state; the first is projected where there is a projection."""
        sizes = [self.hidden_size] * len(self.cell.states)
        if self.weight_hr is not None:
            assert self.weight_hr.shape is not None
            assert isinstance(self.weight_hr.shape[0], int)
            sizes[0] = self.weight_hr.shape[0]
        return sizes

    @property
    def dtype(self) -> np.dtype:
        """Of every number."""
        assert self.weight_ih.dtype is not None
        return np.dtype(self.weight_ih.dtype.numpy())
