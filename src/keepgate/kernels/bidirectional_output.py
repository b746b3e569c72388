"""The outputs of both directions side by side in one tensor, without a copy where the kernels wrote them there."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .tracing_state import undisturbed
from .weights import is_plain


class Room:
    """Room for the outputs of both directions, [time, batch, units] each, side by side in `both`."""

    def __init__(self, x: Tensor, units: int) -> None:
        self.both = x.new_empty(x.shape[0], x.shape[1], 2 * units)
        self.places = (self.both[..., :units], self.both[..., units:])

    @staticmethod
    def beside(x: Tensor, units: int) -> "Room | None":
        """Such room, or None where tensors are not simply memory."""
        return Room(x, units) if undisturbed() and is_plain(x) else None

    def holds(self, outputs: list[Tensor]) -> bool:
        """Whether the outputs lie in their places."""
        return all(
            out.data_ptr() == place.data_ptr() for out, place in zip(outputs, self.places, strict=True)
        )


def joined(outputs: list[Tensor], room: Room | None) -> Tensor:
    """The outputs of both directions, [time, batch, 2 · units]. room: where kernels may have written them."""
    if room is None or not room.holds(outputs):
        return torch.cat(outputs, -1)
    if not any(output.requires_grad for output in outputs):
        return room.both
    return _Joined.apply(room.both, *outputs)  # type: ignore[no-untyped-call]


class _Joined(Function):
    """(both, *outputs) → both, which holds the outputs."""

    @staticmethod
    def forward(ctx: Any, both: Tensor, *outputs: Tensor) -> Tensor:
        ctx.units = [output.shape[-1] for output in outputs]
        # It counts its changes together with the outputs, which were saved for backward: none goes unnoticed.
        return both.detach()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, *torch.split(gradient, ctx.units, -1)
