"""The contract of a kernel: it runs a call, or says why it cannot; it may offer faster ways for a layer."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from .call import Call, CallResult
from .weights import Weights


@runtime_checkable
class FastPath(Protocol):
    """The common call of one layer and direction, without the general path's checks: plain tensors only.

    Both methods return None where a precondition fails; the general path then runs the call, or raises.
    x: [time, batch, input].
    """

    def __call__(self, x: Tensor, states: tuple[Tensor, ...] | None = None) -> tuple[Tensor, ...] | None:
        """The output [time, batch, units] and each final state [1, batch, units]. states: likewise; zeros if None."""

    def trace(self, x: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor], Tensor] | None:
        """What a call gives; gates and states by name [time, batch, units]; the initial state [batch, units]."""


@runtime_checkable
class PreparedCall(Protocol):
    """A call on fixed memory, for streams: `run()` reads `call.x` in place, writes the output, and replaces
    `call.states` by the final states, with the weights as they were when it was prepared."""

    run: Callable[[], None]


@runtime_checkable
class Kernel(Protocol):
    """A way to run a cell over a sequence. Its numbers agree with the reference's to rounding."""

    name: str

    def refuses(self, call: Call) -> str | None:
        """Why this kernel cannot run the call ("torch has no kernel for …"), or None if it can."""

    def forward(self, call: Call) -> CallResult:
        """The states over time, differentiable with respect to `call.tensors`."""

    def fast_path(self, weights: Weights) -> FastPath | None:  # noqa: ARG002 - the others use it
        """A fast path for calls with these weights while `weights.matches` them, or None; asked for once a layer."""
        return None

    def prepare(self, call: Call, output: Tensor) -> PreparedCall | None:  # noqa: ARG002 - the others use it
        """A call that it does not refuse, prepared to be run many times into `output`; None if it cannot."""
        return None
