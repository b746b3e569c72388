"""What a kernel is: something that runs a call, or says why it cannot."""

from typing import Protocol, runtime_checkable

from .call import Call, CallResult


@runtime_checkable
class Kernel(Protocol):
    """A way to run a cell over a sequence. Its numbers agree with the reference's to rounding."""

    name: str

    def refuses(self, call: Call) -> str | None:
        """Why this kernel cannot run the call ("torch has no kernel for …"), or None if it can."""

    def forward(self, call: Call) -> CallResult:
        """The states over time, differentiable with respect to `call.tensors`."""
