"""The C++ core: any cell whose step is elementwise, in float32 and float64, with its gates and its gradients."""

import torch
from torch import Tensor

from ... import cells
from ..call import Call, CallResult
from ..torch_internals import FakeTensor, brings_own_dispatch
from ..tracing_state import forward_mode, older_vmap, recorded_by_jit, transformed
from ..weights import is_plain
from .arguments import KINDS, by_name
from .autograd import sequence
from .call_spec import Spec, tensors_of
from .program import core_cell

# What autocast turns into float32 here; it leaves float64 alone, as torch's does.
_CAST = (torch.float32, torch.bfloat16, torch.float16)


class Cpu:
    """One layer, one direction. Inputs are projected in blocks just before their steps; every option is in the loop."""

    name = "cpu"

    def refuses(self, call: Call) -> str | None:
        x, weights = call.x, call.weights
        core = core_cell(call.cell)
        if isinstance(core, str):
            return core
        if call.weight_hr is not None and core.reads_output:
            return f"a unit of {call.cell.name} reads its own output, and a projection leaves it none"
        plain, dtype = weights.plain and is_plain(x), x.dtype
        alike = weights.dtype is dtype and dtype in KINDS
        for state in call.states:
            plain = plain and is_plain(state)
            alike = alike and state.dtype is dtype
        if not plain:
            for tensor in call.tensors:
                if (reason := _lacks_tensor(tensor)) is not None:
                    return reason
        if not alike and (reason := _lacks_type(call.tensors)) is not None:
            return reason
        if x.numel() == 0:
            return f"the input's shape is {list(x.shape)}, so that there is nothing to compute"
        return _is_transformed()

    def forward(self, call: Call) -> CallResult:
        if torch.is_autocast_enabled("cpu"):
            return _under_autocast(call)
        needed = torch.is_grad_enabled() and (
            call.weights.needed or call.x.requires_grad or any(state.requires_grad for state in call.states)
        )
        results = sequence(call, differentiable=needed)
        count = 1 + len(call.states)
        traced = by_name(call.cell, call.hidden_size, results[0], results[count]) if call.trace else {}
        return CallResult(output=results[0], final=results[1:count], traced=traced)


def _lacks_tensor(tensor: Tensor) -> str | None:
    if not tensor.is_cpu:
        return f"a tensor is on {tensor.device}, and the core runs on the CPU"
    if tensor.layout is not torch.strided:
        return f"a tensor is {tensor.layout}, and the core reads plain memory"
    # Fake tensors compute by themselves too, and the core's operators know them.
    if (
        brings_own_dispatch(type(tensor))
        and not torch.compiler.is_compiling()
        and not isinstance(tensor, FakeTensor)
    ):
        return f"a tensor is a {type(tensor).__name__}, which brings its own way to compute"
    return None


def _lacks_type(tensors: list[Tensor]) -> str | None:
    """Why numbers of several types, or of one that the core does not have, stay as they are."""
    given = ", ".join(sorted({str(tensor.dtype) for tensor in tensors}))
    if not torch.is_autocast_enabled("cpu"):
        return f"the numbers are {given}, and the core computes in float32 or in float64"
    if not all(tensor.dtype in _CAST for tensor in tensors):
        return f"the numbers are {given}, and autocast does not bring them to one type"
    return None


def _is_transformed() -> str | None:
    if forward_mode():
        return "forward-mode derivatives were asked for, and the core has none"
    if transformed() and torch.compiler.is_compiling():
        return (
            "torch.compile compiles a transform of torch.func, which only sees through torch's own operators"
        )
    if older_vmap():
        return "torch's older vmap stacks tensors in a way that only torch's own operators see through"
    if recorded_by_jit():
        return "torch.jit records the call, and its files know torch's own operators only"
    return None


def _under_autocast(call: Call) -> CallResult:
    """Computed in float32 whatever comes in, handed back as torch's layers do."""
    tensors = [t.float() if t is not None and t.dtype in _CAST else t for t in tensors_of(call)]
    with torch.autocast("cpu", enabled=False):
        ran = Cpu().forward(Spec(call.cell, call.reverse, call.trace).call(tensors))
    if call.x.dtype is torch.float64:
        return ran
    # torch's LSTM and RNN give autocast's type, its GRU that of the input.
    dtype = call.x.dtype if call.cell is cells.gru else torch.get_autocast_dtype("cpu")
    return CallResult(
        output=ran.output.to(dtype),
        final=tuple(state.to(dtype) for state in ran.final),
        traced={name: value.to(dtype) for name, value in ran.traced.items()},
    )
