"""(Cell, tensors) → states over time. The reference is right by definition; the others must agree or refuse."""

from .call import Call, CallResult
from .dispatch import KERNELS, Choice, explain, fast_path, run
from .kernel import FastPath, Kernel
from .state_backward import StateGradients, state_gradients

__all__ = [
    "KERNELS", "Call", "CallResult", "Choice", "FastPath", "Kernel", "StateGradients", "explain", "fast_path", "run",
    "state_gradients",
]  # fmt: skip
