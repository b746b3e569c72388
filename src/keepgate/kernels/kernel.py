"""What a kernel is: something that runs a call, or says why it cannot."""

from typing import Protocol, runtime_checkable

from .call import Call, Run


@runtime_checkable
class Kernel(Protocol):
    """A way to run a cell over a sequence. Its numbers agree with the reference's to rounding."""

    name: str

    def refuses(self, call: Call) -> str | None:
        """Why this kernel cannot run the call ("torch has no kernel for …"), or None if it can."""

    def forward(self, call: Call) -> Run:
        """The states over time, differentiable with respect to `call.tensors`."""
