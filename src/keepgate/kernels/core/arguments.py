"""A call as the C++ core takes it: addresses and sizes. Whatever the core writes to is allocated here."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ... import _core
from ...equations import Cell
from ...errors import ShapeError
from ..call import Call
from ..weights import Weights
from .call_spec import in_order
from .packed_weights import pack, packed
from .program import known

KINDS = {torch.float32: 0, torch.float64: 1}


class Arrays:
    """A call's tensors as the core reads them, copied where they lie otherwise, and what it is told of them."""

    __slots__ = (
        "given", "kind", "lengths", "number", "resets", "reverse", "sizes", "states", "trace", "weights", "where", "x"
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
    ) -> None:
        steps, rows, inputs = x.shape
        self.weights, self.reverse, self.trace = weights, reverse, trace
        self.number, self.kind = known(weights.cell).number, KINDS[x.dtype]
        projected = 0 if weights.weight_hr is None else weights.output_size
        self.sizes = (steps, rows, inputs, weights.hidden_size, projected)
        self.x = _side_by_side(_resolved(x))
        self.states = [_resolved(state).contiguous() for state in states]
        self.given, where = weights.given, weights.addresses
        if where is None:
            self.given = tuple([None if weight is None else weight.contiguous() for weight in self.given])
            where = tuple([_address(weight) for weight in self.given])
        # The weights' addresses.
        self.where = _diagonal_last(where, self.given[1], weights.hidden_size)
        self.lengths = None if lengths is None else _counted(lengths, steps)
        self.resets = None if resets is None else resets.contiguous()

    @staticmethod
    def of(call: Call) -> "Arrays":
        return Arrays(call.weights, call.x, call.states, call.lengths, call.resets, call.reverse, call.trace)

    def told(
        self, output: Tensor, final: Sequence[Tensor], packed: int, planes: Tensor | None
    ) -> tuple[Any, ...]:
        """What `_core.Forward` is told."""
        return (
            self.number, self.kind, self.sizes, torch.get_num_threads(), self.reverse, self.trace,
            _strided(self.x), _address(self.lengths), _address(self.resets),
            tuple([state.data_ptr() for state in self.states]), tuple([state.data_ptr() for state in final]),
            packed, _strided(output), () if planes is None else _one_after_another(planes),
        )  # fmt: skip


def forward(arrays: Arrays, into: Tensor | None = None, *, keep: bool, again: bool) -> tuple[Tensor, ...]:
    """The output and every final state; with `keep` the planes too, [plane, time, batch, padded hidden].

    into: where the output may be written. keep: for a backward pass or a trace. again: the weights may come again as
    they are, so keep them packed.
    """
    return solved(arrays, into, keep=keep, again=again)[1]


def solved(
    arrays: Arrays, into: Tensor | None = None, *, keep: bool, again: bool
) -> tuple[tuple[Any, ...], tuple[Tensor, ...]]:
    """What the core was told, and what `forward` gives."""
    what = arrays.number, arrays.kind, arrays.sizes, arrays.where
    weights = packed(*what, arrays.given) if again else pack(*what)
    output, final, planes = room(arrays.weights, arrays.x, arrays.states, into, keep=keep)
    told = arrays.told(output, final, weights.data_ptr(), planes)
    _run(_core.Forward(*told), output)
    return told, (output, *final) if planes is None else (output, *final, planes)


def room(
    weights: Weights, x: Tensor, states: Sequence[Tensor], into: Tensor | None, *, keep: bool
) -> tuple[Tensor, tuple[Tensor, ...], Tensor | None]:
    """Output, final states and planes, not yet written. Sizes may be symbols, as torch.compile has them.

    states: contiguous.
    """
    steps, rows, _ = x.shape
    if into is None or into.dtype is not x.dtype:
        output = x.new_empty(steps, rows, weights.output_size)
    else:
        # A tensor of its own, though it lies in a larger one: autograd lets no view of another be changed.
        output = into.detach()
    final = tuple(map(torch.empty_like, states))
    if not keep:
        return output, final, None
    count = len(known(weights.cell).planes) + (weights.weight_hr is not None)
    lanes = _core.padded(1, KINDS[x.dtype])
    units = (weights.hidden_size + lanes - 1) // lanes * lanes
    return output, final, x.new_empty(count, steps, rows, units)


def by_name(cell: Cell, hidden: int, output: Tensor, planes: Tensor) -> dict[str, Tensor]:
    """What a trace shows, in the step's own order: the first state is the output, the others are planes.

    hidden: units of a plane, without what it is padded with.
    """
    units = (planes if planes.shape[-1] == hidden else planes[..., :hidden]).unbind()
    over_time = {cell.states[0]: output, **dict(zip(known(cell).planes, units, strict=False))}
    if not over_time.keys() >= set(cell.traced):  # another name of a state
        state_of = {node: state for state, node in cell.graph.next.items()}
        over_time |= {n: over_time[state_of[v]] for n, v in cell.graph.traced.items() if v in state_of}
    return {name: over_time[name] for name in (*cell.states, *cell.traced)}


def backward(
    arrays: Arrays,
    output: Tensor,
    planes: Tensor,
    d_output: Tensor | None,
    d_final: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """The gradient of each tensor that may need one, in `tensors_of`'s order. What is not wanted costs nothing: None.

    output, planes: as forward left them. d_output, d_final: their gradients, None for zero.
    """
    output, planes = _side_by_side(output), _aligned(planes)
    told = arrays.told(output, arrays.states, 0, planes)
    every = in_order(arrays.given, arrays.x, arrays.states, arrays.lengths, arrays.resets)
    return gradients(told, arrays.where, every, d_output, d_final, wanted)


def gradients(
    told: tuple[Any, ...],
    where: tuple[int, ...],
    every: Sequence[Tensor | None],
    d_output: Tensor | None,
    d_final: Sequence[Tensor | None],
    wanted: Sequence[bool],
    d_states: Sequence[Tensor] = (),
) -> list[Tensor | None]:
    """What `backward` gives, of what the core was told. where: of the weights. every: in `tensors_of`'s order.

    d_states: where the gradient by each state after each step is written, [time, batch, units] each.
    All tensors of whose addresses it was told must be alive, and be what they were.
    """
    d_output = None if d_output is None else _side_by_side(_resolved(d_output))
    d_final = [None if gradient is None else _resolved(gradient).contiguous() for gradient in d_final]
    found = [
        _empty(tensor) if want and tensor is not None else None
        for tensor, want in zip(every, wanted, strict=True)
    ]
    count, x, where_found = len(d_final), every[0], [_address(gradient) for gradient in found]
    assert x is not None
    d_first = tuple(where_found[6 : 6 + count])
    weights = _diagonal_last((*where_found[1:6], *where_found[6 + count : -2]), every[2], told[2][3])
    weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *vectors = weights
    backward = _core.Backward(
        _core.Forward(*told), where, _strided(d_output), tuple([_address(gradient) for gradient in d_final]),
        _strided(found[0]), d_first, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, tuple(vectors),
        tuple([_strided(gradient) for gradient in d_states]),
    )  # fmt: skip
    _run(backward, x)
    return found


def _run(problem: _core.Forward | _core.Backward, like: Tensor) -> None:
    # As numbers like the others, the last one for what is less than one: bytes on the CPU would have to be named, and
    # reading the names takes torch half as long again.
    scratch = like.new_empty(problem.scratch_bytes // like.itemsize + 1)
    problem.run(scratch.data_ptr())


def _empty(tensor: Tensor) -> Tensor:
    return torch.empty_like(tensor, memory_format=torch.contiguous_format)


def _resolved(tensor: Tensor) -> Tensor:
    """torch may only have noted that the numbers are negated."""
    return tensor.resolve_neg() if tensor.is_neg() else tensor


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


def _diagonal_last(addresses: tuple[int, ...], weight_hh: Tensor | None, hidden: int) -> tuple[int, ...]:
    """Addresses of weights, or of their gradients, as the core takes them: those of a diagonal recurrence are vectors.

    addresses: in the order of `Weights.given`. weight_hh: the weight itself.
    """
    if weight_hh is None or weight_hh.dim() > 1:
        return addresses
    start, size = addresses[1], hidden * weight_hh.itemsize
    gates = [start and start + gate * size for gate in range(weight_hh.shape[0] // hidden)]
    return (addresses[0], 0, *addresses[2:], *gates)


def _aligned(planes: Tensor) -> Tensor:
    """As forward made them, also where a saved tensor's hook has moved them about."""
    planes = planes.contiguous()
    return planes.clone() if planes.data_ptr() % 64 else planes


def _one_after_another(planes: Tensor) -> tuple[int, ...]:
    start, size = planes.data_ptr(), planes.stride(0) * planes.itemsize
    return tuple(range(start, start + planes.shape[0] * size, size))


def _counted(lengths: Tensor, steps: int) -> Tensor:
    """Lengths as the core reads them. Checked here, because it would read beyond the input."""
    lengths = lengths.detach().to("cpu", torch.int64).contiguous()
    least, most = (int(end) for end in torch.aminmax(lengths))
    if least < 0 or most > steps:
        raise ShapeError(
            f"lengths go from {least} to {most}, but the input has {steps} steps; they must be 0 to {steps}"
        )
    return lengths
