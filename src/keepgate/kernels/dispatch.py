"""Kernel dispatch: the first kernel that does not refuse a call, and every kernel's reason."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..arrays.narrow import WeightFormat
from ..errors import KernelRefused, SettingsError
from .builtin import Builtin
from .call import Call, CallResult
from .core.kernel import Cpu
from .kernel import FastPath, Kernel, PreparedCall
from .reference import Reference
from .weights import Weights

KERNELS: tuple[Kernel, ...] = (Cpu(), Builtin(), Reference())


@dataclass(frozen=True)
class Choice:
    """One kernel's answer to a call. reason: why it refuses; None if it can run it."""

    name: str
    reason: str | None


def explain(call: Call) -> tuple[Choice, ...]:
    """Every kernel in dispatch order. The first without a reason runs the call."""
    return tuple(Choice(kernel.name, kernel.refusal_reason(call)) for kernel in KERNELS)


def by_name(name: str) -> Kernel:
    """The kernel of that name. Raises SettingsError, listing the names."""
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    raise SettingsError(
        f"there is no kernel {name!r}; choose one of {', '.join(k.name for k in KERNELS)}, or None"
    )


def run(call: Call, kernel: str | None = None) -> CallResult:
    """Runs the call on the first kernel that can, or on the named one.

    Raises KernelRefused if a kernel was named and cannot run this call.
    """
    if call.weights.narrow is not None:
        refuse_gradients(call.weights.narrow, (call.x, *call.states))
    if kernel is not None:
        candidate = by_name(kernel)
        reason = candidate.refusal_reason(call)
        if reason is not None:
            raise KernelRefused(
                f"kernel {kernel!r} cannot run this call: {reason}; use kernel=None to let another take it"
            )
        return candidate.forward(call)
    for candidate in KERNELS:
        if candidate.refusal_reason(call) is None:
            return candidate.forward(call)
    raise AssertionError("the reference refuses nothing")


def refuse_gradients(narrow: WeightFormat, tensors: Iterable[Tensor]) -> None:
    """Raises KernelRefused where a call of narrow weights on these tensors would need gradients."""
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        raise KernelRefused(
            f"the layer's weights are quantized to {narrow}, for inference, and its input requires a "
            "gradient; call it under torch.no_grad(), or take the model as it was before keepgate.quantize"
        )


def fast_path(weights: Weights, kernel: str | None = None) -> FastPath | None:
    """The fast path that the named kernel, or the first of all, offers for these weights; None if none does."""
    candidates = KERNELS if kernel is None else (by_name(kernel),)
    return next((path for k in candidates if (path := k.fast_path(weights)) is not None), None)


def prepare_call(call: Call, output: Tensor) -> PreparedCall:
    """The call on fixed memory, by the first kernel that can prepare it. Raises KernelRefused where none can."""
    for kernel in KERNELS:
        if kernel.refusal_reason(call) is None and (prepared := kernel.prepare(call, output)) is not None:
            return prepared
    raise KernelRefused(
        f"the core cannot step through this layer: {KERNELS[0].refusal_reason(call)}; call the layer itself, with hx"
    )
