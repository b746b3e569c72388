"""A call taken apart for autograd and torch.library: what it is, and its tensors in one order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..equations import Cell
from .call import Call


@dataclass(frozen=True, slots=True)
class Spec:
    """A call without its tensors."""

    cell: Cell
    reverse: bool
    trace: bool

    @staticmethod
    def of(call: Call) -> "Spec":
        return Spec(call.cell, call.reverse, call.trace)

    def call(self, tensors: Sequence[Any]) -> Call:
        """The call again. tensors: as `tensors_of` lists them."""
        x, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *rest = tensors
        *rest, lengths, resets = rest
        count = len(self.cell.states)
        return Call(
            cell=self.cell, x=x, states=tuple(rest[:count]), weight_ih=weight_ih, weight_hh=weight_hh, bias_ih=bias_ih,
            bias_hh=bias_hh, weight_hr=weight_hr, vectors=tuple(rest[count:]), lengths=lengths, resets=resets,
            reverse=self.reverse, trace=self.trace,
        )  # fmt: skip


def tensors_of(call: Call) -> tuple[Tensor | None, ...]:
    """Every tensor of a call: those that may need a gradient, then lengths and resets."""
    return (
        call.x, call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh, call.weight_hr, *call.states, *call.vectors,
        call.lengths, call.resets,
    )  # fmt: skip
