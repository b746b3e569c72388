"""A call taken apart for autograd and torch.library: what it is, and its tensors in one order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor

from ...equations import Cell
from ..call import Call
from ..weights import Weights

T = TypeVar("T")


@dataclass(slots=True)
class Spec:
    """A call without its tensors. weights: those that it had, to be known again. into: as in Call."""

    cell: Cell
    reverse: bool
    trace: bool
    weights: Weights | None = None
    into: Tensor | None = None

    @staticmethod
    def of(call: Call) -> "Spec":
        return Spec(call.cell, call.reverse, call.trace, call.weights, call.into)

    def call(self, tensors: Sequence[Any]) -> Call:
        """The call again. tensors: as `tensors_of` lists them."""
        cell, count = self.cell, 6 + len(self.cell.states)
        weights = (*tensors[1:6], *tensors[count:-2])
        known = self.weights
        if known is None or not known.still([weight for weight in weights if weight is not None]):
            weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *vectors = weights
            known = Weights(cell, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, tuple(vectors))
        return Call.of(
            known, tensors[0], tuple(tensors[6:count]), tensors[-2], tensors[-1], self.reverse, self.trace,
            self.into,
        )  # fmt: skip


def spread(found: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
    """One for each tensor: the gradient that was found, or None where none was wanted."""
    each = iter(found)
    return [next(each) if want else None for want in wanted]


def tensors_of(call: Call) -> tuple[Tensor | None, ...]:
    """Every tensor of a call: those that may need a gradient, then lengths and resets."""
    return in_order(call.weights.given, call.x, call.states, call.lengths, call.resets)


def in_order(weights: Sequence[T], x: T, states: Sequence[T], lengths: T, resets: T) -> tuple[T, ...]:
    """The same order for what stands for these. weights: as `Weights.given`."""
    return (x, *weights[:5], *states, *weights[5:], lengths, resets)
