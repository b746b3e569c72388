"""Products over all steps at once in bfloat16, as training under autocast asks for; the core does the recurrence.

These are the input's projection, its gradients by input and weights, and the recurrent weights' gradient. torch
multiplies them, by oneDNN, and sums in float32. The core runs a variant of the cell that is given the projected input.
"""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from ...arrays.core_cell import CoreCell, core_cell_or_reason
from ...equations import Cell
from ...errors import CellError
from ..call import Call
from ..torch_internals import dispatch_mode_depth
from ..weights import Weights
from .arguments import CoreInputs, run_backward, run_forward
from .projected_input import INPUT, RECURRENT, with_projected_input

# Below this the numbers that go through memory cost more than the product saves: reckoned from bytes, not measured.
LEAST_INPUTS = 128


@cache
def processor_has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 (AVX512-BF16 or AMX), and torch has oneDNN to do so."""
    capabilities, onednn = torch.cpu.get_capabilities(), torch.backends.mkldnn
    return bool(
        onednn.is_available()  # type: ignore[no-untyped-call]
        and any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))
    )


def suit(call: Call) -> bool:
    """Whether autocast asks for these products in a call, and the processor and the core can do it."""
    return (
        not torch.compiler.is_compiling()
        and torch.get_autocast_dtype("cpu") is torch.bfloat16
        and processor_has_bfloat16()
        and not call.trace
        and call.x.dtype is not torch.float64
        and call.weights.input_size >= LEAST_INPUTS
        and call.weights.narrow is None
        and dispatch_mode_depth() == 0
        and not call.cell.unit_inputs
        and not call.cell.row_means
        and _projected(call.cell) is not None
    )


@cache
def _projected(cell: Cell) -> Cell | None:
    """None for a cell that reads the input's projection again in its backward pass, or has more than the core takes.

    Nor is there a variant of a cell that multiplies inside its step, or whose step leaves out a gate's wx or uh.
    """
    try:
        variant = with_projected_input(cell)
    except CellError:
        return None
    if not isinstance(core_cell_or_reason(variant), CoreCell):
        return None
    if any(name.startswith(INPUT) for name in variant.analysis.reads):
        return None
    return variant


def forward(call: Call) -> tuple[Tensor, ...]:
    """Output, final states and planes, as of `arguments.run_forward`."""
    variant, gates = _of(call), len(call.cell.gates) * call.hidden_size
    x = call.x.new_empty(call.steps, call.rows, _width(variant, call.hidden_size))
    x[..., 0], x[..., 1 + gates :] = 0, 0
    x[..., 1 : 1 + gates] = call.x.bfloat16() @ call.weight_ih.bfloat16().T
    return run_forward(_inputs(call, variant, x), call.into, save=True)


def backward(
    call: Call, output: Tensor, planes: Tensor, upstream: Sequence[Tensor | None], needs_grad: Sequence[bool]
) -> list[Tensor | None]:
    """The gradient of each tensor, as of `arguments.run_backward`."""
    variant, gates = _of(call), len(call.cell.gates) * call.hidden_size
    want_x, want_ih, want_hh, *_ = needs_grad
    whole_hh = want_hh and call.cell.recurrent == "dense" and call.cell.recurrent_state == call.cell.states[0]
    # The step's derivative reads of its unit inputs none but those that are zero.
    x = call.x.new_zeros(1, 1, _width(variant, call.hidden_size)).expand(call.steps, call.rows, -1)
    needs = [want_x or want_ih or whole_hh, False, want_hh and not whole_hh, *needs_grad[3:]]
    inputs = _inputs(call, variant, x)
    gradients = run_backward(inputs, output, planes, upstream[0], upstream[1:], needs)
    d_columns = gradients[0]
    if d_columns is None:
        return gradients
    d_columns = d_columns[..., 1:].bfloat16()
    d_wx = d_columns[..., :gates]
    gradients[0] = (d_wx @ call.weight_ih.bfloat16()).to(call.x.dtype) if want_x else None
    gradients[1] = _weight_gradient(d_wx, _without_padding(call), call.weight_ih) if want_ih else None
    if whole_hh:
        assert call.weight_hh is not None
        d_uh = _recurrent_columns(d_columns, call, variant.unit_inputs)
        gradients[2] = _weight_gradient(d_uh, _previous_outputs(call, output), call.weight_hh)
    return gradients


def _of(call: Call) -> Cell:
    variant = _projected(call.cell)
    assert variant is not None
    return variant


def _width(variant: Cell, hidden: int) -> int:
    return 1 + len(variant.unit_inputs) * hidden


def _inputs(call: Call, variant: Cell, x: Tensor) -> CoreInputs:
    """The core reads one column of zeros, so that the biases are added as ever."""
    weights = Weights(
        variant,
        call.weight_ih.new_zeros(call.weight_ih.shape[0], 1),
        call.weight_hh,
        call.bias_ih,
        call.bias_hh,
        call.weight_hr,
        call.vectors,
    )
    return CoreInputs(weights, x, call.states, call.lengths, call.resets, call.reverse)


def _weight_gradient(d_columns: Tensor, read: Tensor, weight: Tensor) -> Tensor:
    return (d_columns.flatten(0, 1).T @ read.flatten(0, 1).bfloat16()).to(weight.dtype)


def _without_padding(call: Call) -> Tensor:
    """The input with zeros beyond each row's length: what stands there may be no number, and 0 · NaN is NaN."""
    if call.lengths is None:
        return call.x
    steps = torch.arange(call.steps, device=call.x.device).unsqueeze(1)
    return call.x.masked_fill((steps >= call.lengths).unsqueeze(2), 0)


def _recurrent_columns(d_columns: Tensor, call: Call, names: Sequence[str]) -> Tensor:
    """The gradient of each gate's recurrent product: that of its sum with the input's, or its own."""
    blocks = d_columns.view(call.steps, call.rows, -1, call.hidden_size)
    places = [
        names.index(RECURRENT + gate if RECURRENT + gate in names else INPUT + gate)
        for gate in call.cell.gates
    ]
    if places == list(range(len(places))):
        return d_columns[..., : len(places) * call.hidden_size]
    return blocks[:, :, places].flatten(2)


def _previous_outputs(call: Call, output: Tensor) -> Tensor:
    """The output that each step reads, [time, batch, units]."""
    first = call.states[0].to(output.dtype)
    if not call.reverse:
        previous = torch.cat([first.unsqueeze(0), output[:-1]])
        return previous if call.resets is None else previous.masked_fill(call.resets.unsqueeze(2), 0)
    previous = torch.cat([output[1:], first.unsqueeze(0)])
    if call.resets is not None:
        previous[:-1].masked_fill_(call.resets[1:].unsqueeze(2), 0)
    if call.lengths is not None:
        last = (call.lengths.long() - 1).clamp(min=0)
        previous[last, torch.arange(call.rows)] = first
    return previous
