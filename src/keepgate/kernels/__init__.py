"""(Cell, tensors) → states over time. The reference is right by definition; the others must agree or refuse."""

from ..arrays.core_cell import prepare_cell
from .call import Call, CallResult
from .dispatch import KERNELS, Choice, explain, fast_path, prepare_call, run
from .kernel import FastPath, Kernel, PreparedCall
from .state_backward import StateGradients, state_gradients

__all__ = [
    "KERNELS", "Call", "CallResult", "Choice", "FastPath", "Kernel", "PreparedCall", "StateGradients", "explain",
    "fast_path", "prepare_call", "prepare_cell", "run", "state_gradients",
]  # fmt: skip
