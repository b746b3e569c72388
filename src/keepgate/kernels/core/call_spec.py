"""CallSpec: a call without its tensors, and its tensors in one flat order, for autograd and torch.library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor

from ...equations import Cell
from ..call import Call
from ..weights import Weights

T = TypeVar("T")


@dataclass(slots=True)
class CallSpec:
    """A call without its tensors.

    weights: those of the call, to skip validation where `call` is given the same tensors. into, bfloat16: as in `Call`.
    """

    cell: Cell
    reverse: bool
    trace: bool
    weights: Weights | None = None
    into: Tensor | None = None
    bfloat16: bool = False

    @staticmethod
    def of(call: Call) -> "CallSpec":
        """The spec of a call."""
        return CallSpec(call.cell, call.reverse, call.trace, call.weights, call.into, call.bfloat16)

    def call(self, tensors: Sequence[Any]) -> Call:
        """The call with these tensors, in the order of `call_tensors`."""
        cell, count = self.cell, 6 + len(self.cell.states)
        arguments = (*tensors[1:6], *tensors[count:-2])
        weights = self.weights
        if weights is None or not weights.matches([weight for weight in arguments if weight is not None]):
            weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *vectors = arguments
            weights = Weights(cell, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, tuple(vectors))
        return Call.of(
            weights, tensors[0], tuple(tensors[6:count]), tensors[-2], tensors[-1], self.reverse, self.trace,
            self.into, self.bfloat16,
        )  # fmt: skip


def with_none(gradients: Sequence[Tensor], needs_grad: Sequence[bool]) -> list[Tensor | None]:
    """One entry for each tensor: its gradient, None where it is not wanted. gradients: the wanted ones, in order."""
    remaining = iter(gradients)
    return [next(remaining) if want else None for want in needs_grad]


def call_tensors(call: Call) -> tuple[Tensor | None, ...]:
    """Every tensor of a call in flat order: x, weights, states, vectors; then lengths and resets, without gradients."""
    return flatten_tensors(call.weights.arguments, call.x, call.states, call.lengths, call.resets)


def flatten_tensors(
    arguments: Sequence[T], x: T, states: Sequence[T], lengths: T, resets: T
) -> tuple[T, ...]:
    """The same flat order for whatever stands for the tensors. arguments: as `Weights.arguments`."""
    return (x, *arguments[:5], *states, *arguments[5:], lengths, resets)
