"""The C++ core as a kernel: every cell that fits its tables, in float32 and float64, with trace and gradients."""

from collections.abc import Callable

import torch
from torch import Tensor

from ... import cells
from ...arrays.compiled import _core
from ...arrays.core_cell import core_cell_or_reason
from ..call import Call, CallResult
from ..kernel import Kernel
from ..torch_internals import FakeTensor, brings_own_dispatch
from ..tracing_state import forward_ad_active, functorch_active, jit_tracing_active, legacy_vmap_active
from ..weights import Weights, is_plain
from . import bfloat16_products
from .arguments import DTYPE_NUMBERS, CoreInputs, traced_values
from .autograd import run_sequence
from .call_spec import CallSpec, call_tensors
from .fast_path import CoreFastPath
from .openmp_threads import share_torch_threads_once
from .packed_weights import pack, packed_address

# dtypes that are computed in float32 under autocast; float64 stays, as in torch.
_CAST = (torch.float32, torch.bfloat16, torch.float16)


class Cpu(Kernel):
    """One layer and direction a call. Inputs are projected in blocks of steps just before these run."""

    name = "cpu"

    def refusal_reason(self, call: Call) -> str | None:
        """Why the core cannot run the call, or None."""
        x, weights = call.x, call.weights
        core = core_cell_or_reason(call.cell)
        if isinstance(core, str):
            return core
        if weights.projected_size and core.reads_output:
            return (
                f"a unit of {call.cell.name} reads its own output, or the step multiplies all units', and a projection "
                "leaves them none"
            )
        if weights.projected_size and call.cell.recurrent_state != call.cell.states[0]:
            return (
                f"uh of {call.cell.name} is computed from another state than the output, which is projected"
            )
        plain, dtype = weights.plain and is_plain(x), x.dtype
        same_dtype = weights.dtype is dtype and dtype in DTYPE_NUMBERS
        for state in call.states:
            plain = plain and is_plain(state)
            same_dtype = same_dtype and state.dtype is dtype
        if not plain:
            for tensor in call.tensors:
                if (reason := _lacks_tensor(tensor)) is not None:
                    return reason
        if not same_dtype and (reason := _lacks_type(call.tensors)) is not None:
            return reason
        if x.numel() == 0:
            return f"the input's shape is {list(x.shape)}, so that there is nothing to compute"
        return _is_intercepted()

    def forward(self, call: Call) -> CallResult:
        """The states over time, differentiable as often as one likes; under autocast see `_under_autocast`."""
        if torch.is_autocast_enabled("cpu"):
            return _under_autocast(call)
        differentiable = torch.is_grad_enabled() and (
            call.weights.requires_grad
            or call.x.requires_grad
            or any(state.requires_grad for state in call.states)
        )
        results = run_sequence(call, differentiable=differentiable)
        count = 1 + len(call.states)
        traced = traced_values(call.cell, call.hidden_size, results[0], results[count]) if call.trace else {}
        return CallResult(output=results[0], final=results[1:count], traced=traced)

    def fast_path(self, weights: Weights) -> CoreFastPath | None:
        """The core's fast path for these weights, or None."""
        return CoreFastPath.of(weights)

    def prepare(self, call: Call, output: Tensor) -> "CorePreparedCall":
        """The call on fixed memory; running it allocates nothing."""
        return CorePreparedCall(CoreInputs.of(call), call.states, output)


class CorePreparedCall:
    """See `PreparedCall`. run: computes the call once."""

    run: Callable[[], None]

    def __init__(self, inputs: CoreInputs, states: tuple[Tensor, ...], output: Tensor) -> None:
        share_torch_threads_once()
        kind = inputs.cell_number, inputs.dtype_number, inputs.sizes, inputs.weight_addresses
        if inputs.weights.narrow is None:
            packed = pack(*kind)
        else:
            packed_address(inputs.weights, *kind)
            assert inputs.weights.packed is not None
            packed = inputs.weights.packed
        problem = _core.Forward(*inputs.forward_args(output, states, None, packed.data_ptr()))
        # The problem holds addresses only: these tensors must live as long as it does.
        self._alive = (inputs.x, states, output, packed)
        self.run = problem.run


def _lacks_tensor(tensor: Tensor) -> str | None:
    """Why the core cannot read a tensor, or None."""
    if not tensor.is_cpu:
        return f"a tensor is on {tensor.device}, and the core runs on the CPU"
    if tensor.layout is not torch.strided:
        return f"a tensor is {tensor.layout}, and the core reads plain memory"
    # Fake tensors bring their own dispatch too, and the core's operators have kernels for them.
    if (
        brings_own_dispatch(type(tensor))
        and not torch.compiler.is_compiling()
        and not isinstance(tensor, FakeTensor)
    ):
        return f"a tensor is a {type(tensor).__name__}, which brings its own way to compute"
    return None


def _lacks_type(tensors: list[Tensor]) -> str | None:
    """Why the core cannot compute in these dtypes, or None where autocast makes them one."""
    dtypes = ", ".join(sorted({str(tensor.dtype) for tensor in tensors}))
    if not torch.is_autocast_enabled("cpu"):
        return f"the numbers are {dtypes}, and the core computes in float32 or in float64"
    if not all(tensor.dtype in _CAST for tensor in tensors):
        return f"the numbers are {dtypes}, and autocast does not bring them to one type"
    return None


def _is_intercepted() -> str | None:
    """Which transform or tracer of torch keeps the core from running, or None."""
    if forward_ad_active():
        return "forward-mode derivatives were asked for, and the core has none"
    if functorch_active() and torch.compiler.is_compiling():
        return (
            "torch.compile compiles a transform of torch.func, which only sees through torch's own operators"
        )
    if legacy_vmap_active():
        return "torch's older vmap stacks tensors in a way that only torch's own operators see through"
    if jit_tracing_active():
        return "torch.jit records the call, and its files know torch's own operators only"
    return None


def _under_autocast(call: Call) -> CallResult:
    """The call in float32, whole products aside; its result in the dtype that torch's layers give under autocast."""
    tensors = [t.float() if t is not None and t.dtype in _CAST else t for t in call_tensors(call)]
    bfloat16 = bfloat16_products.suit(call)
    with torch.autocast("cpu", enabled=False):
        spec = CallSpec(call.cell, call.reverse, call.trace, bfloat16=bfloat16)
        result = Cpu().forward(spec.call(tensors))
    if call.x.dtype is torch.float64:
        return result
    # torch's LSTM and RNN give autocast's type, its GRU that of the input.
    dtype = call.x.dtype if call.cell is cells.gru else torch.get_autocast_dtype("cpu")
    return CallResult(
        output=result.output.to(dtype),
        final=tuple(state.to(dtype) for state in result.final),
        traced={name: value.to(dtype) for name, value in result.traced.items()},
    )
