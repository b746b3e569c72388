"""One call on memory that stays where it is, prepared once and run again and again: for streams."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ... import _core
from ...errors import KernelRefused
from ..call import Call
from .arguments import Arrays
from .kernel import Cpu
from .packed_weights import pack


class Stream:
    """A call that reads its `x` where it lies, writes to `output`, and leaves the new states where it found the old.

    run: does it once, and takes no memory. The weights are those that the last call given to `take` had.
    Raises KernelRefused where the C++ core cannot run the call.
    """

    run: Callable[[], None]

    def __init__(self, call: Call, output: Tensor) -> None:
        arrays = _arrays(call)
        self._packed = pack(arrays.number, arrays.kind, arrays.sizes, arrays.where)
        problem = _core.Forward(*arrays.told(output, call.states, self._packed.data_ptr(), None))
        scratch = torch.empty(problem.scratch_bytes, dtype=torch.uint8, device="cpu")
        # The problem holds addresses only: these must live as long as it does.
        self._alive = (call.x, call.states, output, scratch)
        self.run = partial(problem.run, scratch.data_ptr())

    def take(self, call: Call) -> None:
        """Takes the weights of a call of the same sizes, as they are now."""
        arrays = _arrays(call)
        pack(arrays.number, arrays.kind, arrays.sizes, arrays.where, self._packed)


def _arrays(call: Call) -> Arrays:
    reason = Cpu().refuses(call)
    if reason is not None:
        raise KernelRefused(
            f"the core cannot step through this layer: {reason}; call the layer itself, with hx"
        )
    return Arrays.of(call)
