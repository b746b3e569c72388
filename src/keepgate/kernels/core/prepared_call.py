"""PreparedCall: one call on fixed memory, prepared once and run many times, for streams."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ... import _core
from ...errors import KernelRefused
from ..call import Call
from .arguments import CoreInputs
from .kernel import Cpu
from .packed_weights import pack


class PreparedCall:
    """A call that reads `call.x` in place, writes to `output`, and replaces `call.states` by the final states.

    run: computes it once; allocates nothing. It uses the weights as they were at the last `set_weights`.
    Raises KernelRefused where the C++ core cannot run the call.
    """

    run: Callable[[], None]

    def __init__(self, call: Call, output: Tensor) -> None:
        inputs = _inputs(call)
        self._packed = pack(inputs.cell_number, inputs.dtype_number, inputs.sizes, inputs.addresses)
        problem = _core.Forward(*inputs.core_args(output, call.states, self._packed.data_ptr(), None))
        scratch = torch.empty(problem.scratch_bytes, dtype=torch.uint8, device="cpu")
        # The problem holds addresses only: these tensors must live as long as it does.
        self._alive = (call.x, call.states, output, scratch)
        self.run = partial(problem.run, scratch.data_ptr())

    def set_weights(self, call: Call) -> None:
        """Packs the current weights of a call of the same sizes."""
        inputs = _inputs(call)
        pack(inputs.cell_number, inputs.dtype_number, inputs.sizes, inputs.addresses, self._packed)


def _inputs(call: Call) -> CoreInputs:
    reason = Cpu().refuses(call)
    if reason is not None:
        raise KernelRefused(
            f"the core cannot step through this layer: {reason}; call the layer itself, with hx"
        )
    return CoreInputs.of(call)
