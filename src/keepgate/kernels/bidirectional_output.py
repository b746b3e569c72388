"""Both directions' outputs in one tensor, without a copy where the kernels wrote into its halves."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .tracing_state import no_interception
from .weights import is_plain


class SharedOutput:
    """A buffer [time, batch, 2 · units] for both directions; `halves` are its views for forward and reverse."""

    def __init__(self, x: Tensor, units: int) -> None:
        self.buffer = x.new_empty(x.shape[0], x.shape[1], 2 * units)
        self.halves = (self.buffer[..., :units], self.buffer[..., units:])

    @staticmethod
    def for_input(x: Tensor, units: int) -> "SharedOutput | None":
        """A buffer of x's dtype; None where x is no plain tensor, or something intercepts torch's operations."""
        return SharedOutput(x, units) if no_interception() and is_plain(x) else None

    def holds(self, outputs: list[Tensor]) -> bool:
        """Whether the outputs were written into the halves."""
        pairs = zip(outputs, self.halves, strict=True)
        return all(output.data_ptr() == half.data_ptr() for output, half in pairs)


def concat_directions(outputs: list[Tensor], shared: SharedOutput | None) -> Tensor:
    """Both directions' outputs as [time, batch, 2 · units]. shared: the buffer that kernels may have written into."""
    if shared is None or not shared.holds(outputs):
        return torch.cat(outputs, -1)
    if not any(output.requires_grad for output in outputs):
        return shared.buffer
    return _Concat.apply(shared.buffer, *outputs)  # type: ignore[no-untyped-call]


class _Concat(Function):
    """(buffer, *outputs) → buffer, which holds the outputs."""

    @staticmethod
    def forward(ctx: Any, buffer: Tensor, *outputs: Tensor) -> Tensor:
        ctx.units = [output.shape[-1] for output in outputs]
        # detach() shares the version counter with the saved outputs, so autograd still detects an in-place change.
        return buffer.detach()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, *torch.split(gradient, ctx.units, -1)
