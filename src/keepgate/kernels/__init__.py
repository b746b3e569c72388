"""(Cell, tensors) → states over time. The reference is right by definition; the others must agree or refuse."""

from .call import Call, CallResult
from .core.openmp_threads import lend
from .dispatch import KERNELS, Choice, explain, run
from .kernel import Kernel
from .state_backward import StateGradients, state_gradients

__all__ = [
    "KERNELS", "Call", "CallResult", "Choice", "Kernel", "StateGradients", "explain", "run", "state_gradients",
]  # fmt: skip

lend()
