"""A call as the C++ core takes it: addresses and sizes. Whatever the core writes to is allocated here."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import _core, cells
from ..equations import Cell
from ..errors import ShapeError
from .call import Call
from .packed import pack, packed
from .spec import tensors_of

KINDS = {torch.float32: 0, torch.float64: 1}

# By the cell itself, not by its name: a user's own cell may be called "lstm" and mean something else.
NUMBERS = {id(cells.by_name(name)): number for number, name in enumerate(_core.cells())}


def plane_names(cell: Cell) -> tuple[str, ...]:
    """What the planes of a run hold, in their order. With a projection the state that it projects comes last."""
    return (*cell.states[1:], *cell.graph.kept)


class Arrays:
    """A call's tensors as the core reads them, copied where they lie otherwise, and what it is told of them."""

    __slots__ = ("call", "kind", "lengths", "number", "resets", "sizes", "states", "weights", "where", "x")

    def __init__(self, call: Call) -> None:
        x, weight_hr = call.x, call.weight_hr
        steps, rows, inputs = x.shape
        self.call = call
        self.number = NUMBERS[id(call.cell)]
        self.kind = KINDS[x.dtype]
        self.sizes = (steps, rows, inputs, call.hidden_size, 0 if weight_hr is None else call.output_size)
        self.x = _side_by_side(x.resolve_neg() if x.is_neg() else x)
        self.states = [state.resolve_neg().contiguous() for state in call.states]
        self.weights = call.weights.given
        where = call.weights.addresses
        if where is None:
            self.weights = tuple([None if weight is None else weight.contiguous() for weight in self.weights])
            where = tuple([_address(weight) for weight in self.weights])
        self.where = where  # the weights' addresses
        self.lengths = None if call.lengths is None else _counted(call.lengths, steps)
        self.resets = None if call.resets is None else call.resets.contiguous()

    def prepared(
        self, output: Tensor, final: Sequence[Tensor], packed: int, planes: Tensor | None
    ) -> _core.Forward:
        return _core.Forward(
            self.number, self.kind, self.sizes, torch.get_num_threads(), self.call.reverse, self.call.trace,
            _strided(self.x), _address(self.lengths), _address(self.resets),
            tuple([state.data_ptr() for state in self.states]), tuple([state.data_ptr() for state in final]),
            packed, _strided(output), () if planes is None else _one_after_another(planes),
        )  # fmt: skip


def forward(call: Call, *, keep: bool, again: bool) -> tuple[Tensor, ...]:
    """The output and every final state; with `keep` the planes too, [plane, time, batch, padded hidden].

    keep: for a backward pass or a trace. again: the weights may come again as they are, so keep them packed.
    """
    arrays = Arrays(call)
    what = arrays.number, arrays.kind, arrays.sizes, arrays.where
    weights = packed(*what, arrays.weights) if again else pack(*what)
    output, final, planes = room(call, arrays.states, keep=keep)
    _run(arrays.prepared(output, final, weights.data_ptr(), planes))
    return (output, *final) if planes is None else (output, *final, planes)


def room(
    call: Call, states: Sequence[Tensor], *, keep: bool
) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
    """Output, final states and planes, not yet written. Sizes may be symbols, as torch.compile has them.

    states: the call's, contiguous.
    """
    x, hidden = call.x, call.hidden_size
    steps, rows, _ = x.shape
    if call.into is None or call.into.dtype is not x.dtype:
        output = x.new_empty(steps, rows, call.output_size)
    else:
        # A tensor of its own, though it lies in a larger one: autograd lets no view of another be changed.
        output = call.into.detach()
    final = tuple(map(torch.empty_like, states))
    if not keep:
        return output, final, None
    count = len(plane_names(call.cell)) + (call.weight_hr is not None)
    lanes = _core.padded(1, KINDS[x.dtype])
    return output, final, x.new_empty(count, steps, rows, (hidden + lanes - 1) // lanes * lanes)


def backward(
    call: Call,
    output: Tensor,
    planes: Tensor,
    d_output: Tensor | None,
    d_final: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """The gradient of each tensor that may need one, in `tensors_of`'s order. What is not wanted costs nothing: None.

    output, planes: as forward left them. d_output, d_final: their gradients, None for zero.
    """
    arrays = Arrays(call)
    output = _side_by_side(output)
    planes = _aligned(planes)
    # torch may only have noted that a gradient is negated.
    d_output = None if d_output is None else _side_by_side(d_output.resolve_neg())
    d_final = [None if gradient is None else gradient.resolve_neg().contiguous() for gradient in d_final]
    found = [
        _empty(tensor) if want and tensor is not None else None
        for tensor, want in zip(tensors_of(call), wanted, strict=True)
    ]
    weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *rest = [_address(gradient) for gradient in found[1:]]
    count = len(call.states)
    ran = arrays.prepared(output, arrays.states, 0, planes)
    _run(
        _core.Backward(
            ran, arrays.where, _strided(d_output), tuple([_address(gradient) for gradient in d_final]),
            _strided(found[0]), tuple(rest[:count]), weight_ih, weight_hh, bias_ih, bias_hh, weight_hr,
            tuple(rest[count:-2]),
        )
    )  # fmt: skip
    return found


def _run(problem: _core.Forward | _core.Backward) -> None:
    scratch = torch.empty(problem.scratch_bytes, dtype=torch.uint8, device="cpu")
    problem.run(scratch.data_ptr())


def _empty(tensor: Tensor) -> Tensor:
    return torch.empty_like(tensor, memory_format=torch.contiguous_format)


def _side_by_side(tensor: Tensor) -> Tensor:
    """[time, batch, units] with a step's units side by side in memory; steps and rows may lie anywhere."""
    return tensor if tensor.stride(2) == 1 or tensor.shape[2] == 1 else tensor.contiguous()


def _strided(tensor: Tensor | None) -> tuple[int, int, int]:
    if tensor is None:
        return 0, 0, 0
    step, row, _ = tensor.stride()
    return tensor.data_ptr(), step, row


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _aligned(planes: Tensor) -> Tensor:
    """As forward made them, also where a saved tensor's hook has moved them about."""
    planes = planes.contiguous()
    return planes.clone() if planes.data_ptr() % 64 else planes


def _one_after_another(planes: Tensor) -> tuple[int, ...]:
    start, size = planes.data_ptr(), planes.stride(0) * planes.element_size()
    return tuple(range(start, start + len(planes) * size, size))


def _counted(lengths: Tensor, steps: int) -> Tensor:
    """Lengths as the core reads them. Checked here, because it would read beyond the input."""
    lengths = lengths.detach().to("cpu", torch.int64).contiguous()
    least, most = (int(end) for end in torch.aminmax(lengths))
    if least < 0 or most > steps:
        raise ShapeError(
            f"lengths go from {least} to {most}, but the input has {steps} steps; they must be 0 to {steps}"
        )
    return lengths
