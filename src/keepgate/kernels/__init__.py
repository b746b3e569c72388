"""(Cell, tensors) → states over time. The reference is right by definition; the others must agree or refuse."""

from .call import Call, Run
from .choose import KERNELS, Choice, explain, run
from .kernel import Kernel
from .threads import lend

__all__ = ["KERNELS", "Call", "Choice", "Kernel", "Run", "explain", "run"]

lend()
