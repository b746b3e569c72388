"""The first kernel that does not refuse, and for each one why it does or does not."""

from dataclasses import dataclass

from ..errors import KernelRefused, SettingsError
from .builtin import Builtin
from .call import Call, CallResult
from .core.kernel import Cpu
from .kernel import Kernel
from .reference import Reference

KERNELS: tuple[Kernel, ...] = (Cpu(), Builtin(), Reference())


@dataclass(frozen=True)
class Choice:
    """One kernel's answer to a call: `reason` says why it refuses; None means that it can."""

    name: str
    reason: str | None


def explain(call: Call) -> tuple[Choice, ...]:
    """Every kernel in the order in which they are asked. The first without a reason takes the call."""
    return tuple(Choice(kernel.name, kernel.refuses(call)) for kernel in KERNELS)


def by_name(name: str) -> Kernel:
    """The kernel of that name. Raises SettingsError, listing the known ones."""
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    raise SettingsError(
        f"there is no kernel {name!r}; choose one of {', '.join(k.name for k in KERNELS)}, or None"
    )


def run(call: Call, kernel: str | None = None) -> CallResult:
    """The call's states over time, by the first kernel that can, or by the one that is named.

    Raises KernelRefused if a kernel was named and cannot run this call.
    """
    if kernel is not None:
        chosen = by_name(kernel)
        reason = chosen.refuses(call)
        if reason is not None:
            raise KernelRefused(
                f"kernel {kernel!r} cannot run this call: {reason}; use kernel=None to let another take it"
            )
        return chosen.forward(call)
    for candidate in KERNELS:
        if candidate.refuses(call) is None:
            return candidate.forward(call)
    raise AssertionError("the reference refuses nothing")
