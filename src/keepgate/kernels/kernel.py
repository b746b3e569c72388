"""Interface of a kernel (a backend that runs a cell over a sequence): forward, fast path, prepared call for streams."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from .call import Call, CallResult
from .random_mask import DrawnMasks
from .weights import Weights


@runtime_checkable
class FastPath(Protocol):
    """A call of one layer and direction without resets, lengths or subclasses, which skips the general path's checks.

    Each method returns None where a precondition fails: then the general path runs. x: [time, batch, input].
    """

    def __call__(self, x: Tensor, states: tuple[Tensor, ...] | None = None) -> tuple[Tensor, ...] | None:
        """The output [time, batch, units], each final state [1, batch, units]. states: initial ones, zeros if None."""

    def masked(self, x: Tensor, draw: Callable[[Tensor, Weights], DrawnMasks]) -> tuple[Tensor, ...] | None:
        """`__call__` from zeros with the masks that `draw` gives for x, which has none of them, and the weights."""

    def step(self, x: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """Of a dense cell each state [batch, units] after one step without gradients. x: [batch, input]."""

    def trace(self, x: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor], Tensor] | None:
        """(Result of `__call__`; gates and states by name, [time, batch, units]; the initial state [batch, units])."""


@runtime_checkable
class PreparedCall(Protocol):
    """A call on fixed buffers, for streaming: `run()` reads `call.x`, writes the output, and overwrites `call.states`
    with the final states, by the weights as they were when it was prepared."""

    run: Callable[[], None]


@runtime_checkable
class Kernel(Protocol):
    """A backend that runs a cell over a sequence; its results agree with the reference's to rounding."""

    name: str

    def refusal_reason(self, call: Call) -> str | None:
        """Why this kernel cannot run the call ("torch has no kernel for …"), or None if it can."""

    def forward(self, call: Call) -> CallResult:
        """Output, final states and trace, differentiable with respect to `call.tensors`."""

    def fast_path(self, weights: Weights) -> FastPath | None:  # noqa: ARG002 - the others use it
        """A fast path for calls with these weights while `weights.matches` them, or None; asked for once a layer."""
        return None

    def prepare(self, call: Call, output: Tensor) -> PreparedCall | None:  # noqa: ARG002 - the others use it
        """A call without a refusal reason, prepared to be run many times into `output`; None if it cannot."""
        return None
