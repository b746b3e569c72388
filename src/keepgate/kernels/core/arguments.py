"""Runs the C++ core: a call's tensors as addresses, sizes and strides, forward and backward; allocates all outputs."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...arrays.compiled import _core
from ...arrays.core_cell import core_cell, in_core_order
from ...arrays.narrow import CORE_TYPES
from ...equations import Cell
from ...errors import ShapeError
from ..call import Call
from ..random_mask import DrawnMasks
from ..weights import Weights
from .call_spec import flatten_tensors
from .openmp_threads import share_torch_threads_once
from .packed_weights import packed_address

DTYPE_NUMBERS = {torch.float32: 0, torch.float64: 1}


def type_number(weights: Weights, dtype: torch.dtype) -> int:
    """The core's number of the type in which these weights and an input of this dtype are computed."""
    return DTYPE_NUMBERS[dtype] if weights.narrow is None else CORE_TYPES[weights.narrow]


class CoreInputs:
    """A call's inputs as the core reads them; a tensor with another memory layout is copied.

    masks:            unit inputs that do not stand behind the columns of x, and what weight_hh is multiplied by.
    weight_tensors:   in the order of `Weights.arguments`, contiguous; none of narrow weights, which are packed.
    weight_addresses: of these, 0 for None, in the core's order (`in_core_order`).
    sizes:            (steps, rows, input, hidden, projected), projected 0 without a projection.
    """

    __slots__ = (
        "cell_number", "dtype_number", "lengths", "masks", "resets", "reverse", "sizes", "states", "trace",
        "weight_addresses", "weight_tensors", "weights", "x",
    )  # fmt: skip

    def __init__(
        self,
        weights: Weights,
        x: Tensor,
        states: Sequence[Tensor],
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        reverse: bool = False,
        trace: bool = False,
        masks: DrawnMasks | None = None,
    ) -> None:
        steps, rows, _ = x.shape
        self.weights, self.reverse, self.trace, self.masks = weights, reverse, trace, masks
        self.cell_number, self.dtype_number = core_cell(weights.cell).number, type_number(weights, x.dtype)
        self.sizes = (steps, rows, weights.input_size, weights.hidden_size, weights.projected_size)
        self.x = _unit_stride(_resolve_neg(x))
        self.states = [_resolve_neg(state).contiguous() for state in states]
        self.weight_tensors, addresses = () if weights.narrow else weights.arguments, weights.addresses
        if addresses is None:
            self.weight_tensors = tuple(
                [None if weight is None else weight.contiguous() for weight in self.weight_tensors]
            )
            addresses = tuple([_address(weight) for weight in self.weight_tensors])
        if masks is not None and masks.weight_hh is not None:
            weight_ih, weight_hh, *others = self.weight_tensors
            assert weight_hh is not None
            weight_hh = weight_hh.detach() * masks.weight_hh
            self.weight_tensors = (weight_ih, weight_hh, *others)
            addresses = (addresses[0], weight_hh.data_ptr(), *addresses[2:])
        diagonal = None if weights.narrow else self.weight_tensors[1]
        self.weight_addresses = in_core_order(addresses, diagonal, weights.hidden_size)
        self.lengths = None if lengths is None else _checked_lengths(lengths, steps)
        self.resets = None if resets is None else resets.contiguous()

    @staticmethod
    def of(call: Call) -> "CoreInputs":
        """The inputs of a call that the core does not refuse."""
        return CoreInputs(
            call.weights, call.x, call.states, call.lengths, call.resets, call.reverse, call.trace
        )

    def forward_args(
        self, output: Tensor, final: Sequence[Tensor], planes: Tensor | None, packed: int = 0
    ) -> tuple[Any, ...]:
        """The arguments of `_core.Forward`. packed: the address of the packed weights, 0 to pack them in the run."""
        return (
            self.cell_number, self.dtype_number, self.sizes, torch.get_num_threads(), self.reverse, self.trace,
            _address_and_strides(self.x),
            () if self.masks is None else tuple([_address_and_strides(mask) for mask in self.masks.unit_inputs]),
            _address(self.lengths), _address(self.resets),
            tuple([state.data_ptr() for state in self.states]), tuple([state.data_ptr() for state in final]),
            self.weight_addresses, packed, _address_and_strides(output),
            () if planes is None else _plane_addresses(planes),
        )  # fmt: skip

    def flat_tensors(self) -> tuple[Tensor | None, ...]:
        """Every tensor in the order of `call_tensors`."""
        return flatten_tensors(self.weight_tensors, self.x, self.states, self.lengths, self.resets)


def run_forward(inputs: CoreInputs, into: Tensor | None = None, *, save: bool) -> tuple[Tensor, ...]:
    """The output, every final state and, with `save`, the planes [plane, time, batch, padded hidden].

    into: a buffer for the output.
    save: write the planes, for a backward pass or a trace.
    """
    return run_forward_with_args(inputs, into, save=save)[1]


def run_forward_with_args(
    inputs: CoreInputs, into: Tensor | None = None, *, save: bool
) -> tuple[tuple[Any, ...], tuple[Tensor, ...]]:
    """(The arguments of `_core.Forward`, the result of `run_forward`); the backward pass needs the arguments again."""
    output, final, planes = allocate_outputs(inputs.weights, inputs.x, inputs.states, into, save=save)
    layout = inputs.cell_number, inputs.dtype_number, inputs.sizes, inputs.weight_addresses
    packed = packed_address(inputs.weights, *layout)
    args = inputs.forward_args(output, final, planes, packed)
    share_torch_threads_once()
    _core.Forward(*args).run()
    return args, (output, *final) if planes is None else (output, *final, planes)


def allocate_outputs(
    weights: Weights, x: Tensor, states: Sequence[Tensor], into: Tensor | None, *, save: bool
) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
    """Uninitialised output, final states and planes. Sizes may be symbolic, as torch.compile has them.

    states: contiguous.
    """
    steps, rows, _ = x.shape
    if into is None or into.dtype is not x.dtype:
        output = x.new_empty(steps, rows, weights.output_size)
    else:
        # Detached: autograd forbids in-place changes of one of several views of a tensor.
        output = into.detach()
    final = tuple(map(torch.empty_like, states))
    if not save:
        return output, final, None
    count = len(core_cell(weights.cell).planes) + bool(weights.projected_size)
    lanes = _core.padded(1, DTYPE_NUMBERS[x.dtype])
    units = (weights.hidden_size + lanes - 1) // lanes * lanes
    return output, final, x.new_empty(count, steps, rows, units)


def traced_values(cell: Cell, hidden: int, output: Tensor, planes: Tensor) -> dict[str, Tensor]:
    """Every state and traced value over time, by name, as views of output and planes.

    hidden: units of a plane without padding.
    """
    units = (planes if planes.shape[-1] == hidden else planes[..., :hidden]).unbind()
    over_time = {cell.states[0]: output, **dict(zip(core_cell(cell).planes, units, strict=False))}
    if not over_time.keys() >= set(cell.traced):  # the others are states under another name
        state_of = {node: state for state, node in cell.graph.next.items()}
        over_time |= {n: over_time[state_of[v]] for n, v in cell.graph.traced.items() if v in state_of}
    return {name: over_time[name] for name in (*cell.states, *cell.traced)}


def run_backward(
    inputs: CoreInputs,
    output: Tensor,
    planes: Tensor,
    d_output: Tensor | None,
    d_final: Sequence[Tensor | None],
    needs_grad: Sequence[bool],
    d_states: Sequence[Tensor] = (),
) -> list[Tensor | None]:
    """The gradient of each tensor in the order of `call_tensors`, None (not computed) where `needs_grad` is false.

    output, planes:    results of `run_forward`.
    d_output, d_final: upstream gradients, None for zero.
    d_states:          buffers for the gradient by each state after each step, [time, batch, units] each, or none.
    """
    output, planes = _unit_stride(output), _aligned(planes)
    args = inputs.forward_args(output, inputs.states, planes)
    return run_backward_with_args(args, inputs.flat_tensors(), d_output, d_final, needs_grad, d_states)


def run_backward_with_args(
    args: tuple[Any, ...],
    tensors: Sequence[Tensor | None],
    d_output: Tensor | None,
    d_final: Sequence[Tensor | None],
    needs_grad: Sequence[bool],
    d_states: Sequence[Tensor] = (),
) -> list[Tensor | None]:
    """`run_backward` with the forward pass's arguments. The tensors that these point to must be alive and unchanged.

    tensors: in the order of `call_tensors`.
    """
    d_output = None if d_output is None else _unit_stride(_resolve_neg(d_output))
    d_final = [None if gradient is None else _resolve_neg(gradient).contiguous() for gradient in d_final]
    gradients = [
        _empty_contiguous(tensor) if want and tensor is not None else None
        for tensor, want in zip(tensors, needs_grad, strict=True)
    ]
    count, x, d_addresses = len(d_final), tensors[0], [_address(gradient) for gradient in gradients]
    assert x is not None
    d_weights = in_core_order((*d_addresses[1:6], *d_addresses[6 + count : -2]), tensors[2], args[2][3])
    weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *vectors = d_weights
    problem = _core.Backward(
        _core.Forward(*args), _address_and_strides(d_output),
        tuple([_address(gradient) for gradient in d_final]), _address_and_strides(gradients[0]),
        tuple(d_addresses[6 : 6 + count]), weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, tuple(vectors),
        tuple([_address_and_strides(gradient) for gradient in d_states]),
    )  # fmt: skip
    share_torch_threads_once()
    problem.run()
    return gradients


def _empty_contiguous(tensor: Tensor) -> Tensor:
    return torch.empty_like(tensor, memory_format=torch.contiguous_format)


def _resolve_neg(tensor: Tensor) -> Tensor:
    """The tensor with its negative bit, torch's lazy negation, materialised."""
    return tensor.resolve_neg() if tensor.is_neg() else tensor


def _unit_stride(tensor: Tensor) -> Tensor:
    """[time, batch, units] with unit stride in the last dimension; the strides of steps and rows are free."""
    return tensor if tensor.stride(2) == 1 or tensor.shape[2] == 1 else tensor.contiguous()


def _address_and_strides(tensor: Tensor | None) -> tuple[int, int, int]:
    """(Address, stride of a step, stride of a row), strides in elements."""
    if tensor is None:
        return 0, 0, 0
    step, row, _ = tensor.stride()
    return tensor.data_ptr(), step, row


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _aligned(planes: Tensor) -> Tensor:
    """The planes contiguous and aligned to 64 bytes, also where a saved-tensor hook returned a copy."""
    planes = planes.contiguous()
    return planes.clone() if planes.data_ptr() % 64 else planes


def _plane_addresses(planes: Tensor) -> tuple[int, ...]:
    start, size = planes.data_ptr(), planes.stride(0) * planes.itemsize
    return tuple(range(start, start + planes.shape[0] * size, size))


def _checked_lengths(lengths: Tensor, steps: int) -> Tensor:
    """Lengths as int64 on the CPU. Raises ShapeError out of range, where the core would read beyond the input."""
    lengths = lengths.detach().to("cpu", torch.int64).contiguous()
    least, most = (int(end) for end in torch.aminmax(lengths))
    if least < 0 or most > steps:
        raise ShapeError(
            f"lengths go from {least} to {most}, but the input has {steps} steps; they must be 0 to {steps}"
        )
    return lengths
