"""Fast path of the core for the common call: one layer and direction, whole rows, plain CPU tensors.

A small layer's call is mostly Python. `nn.input_format`, `Call`, `Cpu.refusal_reason` and `autograd` check any call;
here the weights are checked once, and of a call only the input and torch's modes. Where a precondition fails, the
result is None.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ... import _core
from ...arrays.core_cell import CoreCell, core_cell, core_cell_or_reason
from ..torch_internals import apply_without_transforms
from ..tracing_state import no_interception
from ..weights import Weights, is_plain
from .arguments import (
    DTYPE_NUMBERS,
    CoreInputs,
    packed_weights,
    run_backward_with_args,
    run_forward,
    run_forward_with_args,
    run_with_scratch,
    traced_values,
)
from .autograd import core_vjp
from .call_spec import CallSpec, flatten_tensors


class CoreFastPath:
    """The contract's fast path, see `kernels.kernel.FastPath`; valid while `weights.matches` the layer's parameters."""

    def __init__(self, weights: Weights) -> None:
        self._weights, self._dtype = weights, weights.dtype
        self._hidden, self._inputs = weights.hidden_size, weights.input_size

    @staticmethod
    def of(weights: Weights) -> "CoreFastPath | None":
        """The fast path for these weights; None for a projection, a diagonal recurrence, unit inputs, a cell that
        the core cannot run, and weights that were not remembered or are not plain."""
        suits = (
            weights.addresses is not None
            and weights.plain
            and weights.weight_hr is None
            and isinstance(core_cell_or_reason(weights.cell), CoreCell)
            and weights.cell.recurrent != "diagonal"
            and not weights.cell.unit_inputs
            and weights.dtype in DTYPE_NUMBERS
            and weights.hidden_size > 0
        )
        return CoreFastPath(weights) if suits else None

    def __call__(self, x: Tensor, states: tuple[Tensor, ...] | None = None) -> tuple[Tensor, ...] | None:
        """The output [time, batch, units] and each final state [1, batch, units]; None for the general path."""
        if not self._takes(x):
            return None
        if states is not None:
            if not self._takes_states(x, states):
                return None
            return run_forward(CoreInputs(self._weights, x, states), save=False, cache=True)
        zeros = x.new_zeros(1, x.shape[1], self._hidden)
        if self._differentiates(x):
            return _apply(self._weights, False, zeros, x, *self._weights.arguments)
        return run_forward(_inputs(self._weights, zeros, x), save=False, cache=True)

    def step(self, x: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """The states [batch, units] after one step without gradients; None for the general path.

        It looks at nothing twice and makes no view: of one step, Python would otherwise be the most.
        """
        if not (
            no_interception()
            and self._is_rows(x, self._inputs)
            and len(x)
            and not (torch.is_grad_enabled() and self._weights.requires_grad)
        ):
            return None
        rows, weights = len(x), self._weights
        if states is None:
            states = (x.new_zeros(rows, self._hidden),) * len(weights.states)
        elif len(states) != len(weights.states) or not all(
            self._is_rows(state, self._hidden) and len(state) == rows for state in states
        ):
            return None
        sizes = (1, rows, self._inputs, self._hidden, 0)
        assert weights.addresses is not None
        kind = core_cell(weights.cell).number, DTYPE_NUMBERS[x.dtype], sizes
        packed = packed_weights(weights, *kind, weights.addresses, weights.arguments, cache=True)
        output, *final = [x.new_empty(rows, self._hidden) for _ in range(1 + len(states))]
        problem = _core.Forward(
            *kind, torch.get_num_threads(), False, False,
            (x.data_ptr(), rows * self._inputs, self._inputs), 0, 0,
            tuple([state.data_ptr() for state in states]), tuple([state.data_ptr() for state in final]),
            packed.data_ptr(), (output.data_ptr(), rows * self._hidden, self._hidden), (),
        )  # fmt: skip
        run_with_scratch(problem, x)
        return tuple(final)

    def _is_rows(self, tensor: Any, units: int) -> bool:
        """Whether a tensor is plain [batch, units] in the core's own layout, and no gradient of it is asked for."""
        return (
            type(tensor) is Tensor
            and tensor.dim() == 2
            and tensor.shape[1] == units
            and tensor.dtype is self._dtype
            and is_plain(tensor)
            and tensor.is_contiguous()
            and not tensor.is_neg()
            and not (tensor.requires_grad and torch.is_grad_enabled())
        )

    def trace(self, x: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor], Tensor] | None:
        """(Result of `__call__`; gates and states by name, [time, batch, units]; the initial state [batch, units])."""
        if not self._takes(x):
            return None
        weights, zeros = self._weights, x.new_zeros(1, x.shape[1], self._hidden)
        if self._differentiates(x):
            *results, planes = _apply(weights, True, zeros, x, *weights.arguments)
        else:
            *results, planes = run_forward(_inputs(weights, zeros, x), save=True, cache=True)
        return tuple(results), traced_values(weights.cell, self._hidden, results[0], planes), zeros[0]

    def _takes(self, x: Tensor) -> bool:
        return (
            no_interception()
            and x.dtype is self._dtype
            and is_plain(x)
            and x.shape[2] == self._inputs
            and x.numel() > 0
        )

    def _takes_states(self, x: Tensor, states: tuple[Tensor, ...]) -> bool:
        """Whether these are the cell's states, and nothing is differentiated."""
        shape = (1, x.shape[1], self._hidden)
        return (
            len(states) == len(self._weights.states)
            and not self._differentiates(x)
            and all(
                state.dtype is self._dtype
                and state.shape == shape
                and is_plain(state)
                and not (state.requires_grad and torch.is_grad_enabled())
                for state in states
            )
        )

    def _differentiates(self, x: Tensor) -> bool:
        return (self._weights.requires_grad or x.requires_grad) and torch.is_grad_enabled()


def _inputs(weights: Weights, zeros: Tensor, x: Tensor) -> CoreInputs:
    return CoreInputs(weights, x, (zeros,) * len(weights.states))


class FastForward(Function):
    """(weights, trace, zeros, x, *weights.arguments) → output, final states and, with trace, planes."""

    @staticmethod
    def forward(
        ctx: Any, weights: Weights, trace: bool, zeros: Tensor, x: Tensor, *arguments: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Runs the core and keeps its arguments for the backward pass."""
        inputs = _inputs(weights, zeros, x)
        args, (*results, planes) = run_forward_with_args(inputs, save=True, cache=False)
        ctx.weights, ctx.trace, ctx.args = weights, trace, args
        ctx.storage = _storage(inputs.x, zeros, results[0], planes)
        ctx.save_for_backward(zeros, results[0], planes, x, *arguments)
        ctx.set_materialize_grads(False)
        return (*results, planes) if trace else tuple(results)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients by the same arguments; the general way where a tensor was moved or changed."""
        zeros, output, planes, x, *arguments = ctx.saved_tensors
        weights, (*_, want_x), want_weights = ctx.weights, ctx.needs_input_grad[:4], ctx.needs_input_grad[4:]
        upstream, d_planes = (upstream[:-1], upstream[-1]) if ctx.trace else (upstream, None)
        states = len(weights.states)
        needs_grad = flatten_tensors(want_weights, want_x, (False,) * states, False, False)
        if (
            d_planes is None
            and no_interception()
            and not torch.is_grad_enabled()
            and weights.matches([weight for weight in arguments if weight is not None])
            and _storage(x, zeros, output, planes) == ctx.storage
        ):
            tensors = flatten_tensors(arguments, x, (zeros,) * states, None, None)
            gradients = run_backward_with_args(
                ctx.args, weights.addresses, tensors, upstream[0], upstream[1:], needs_grad
            )
        else:
            tensors = flatten_tensors(arguments, x, (zeros[0],) * states, None, None)
            d_final = [None if gradient is None else gradient[0] for gradient in upstream[1:]]
            spec = CallSpec(weights.cell, False, False, weights)
            gradients = core_vjp(spec, tensors, output, planes, (upstream[0], *d_final, d_planes), needs_grad)
        return None, None, None, *gradients[:6], *gradients[6 + states : -2]


def _storage(x: Tensor, *others: Tensor) -> tuple[Any, ...]:
    """Shape and addresses, by which a saved tensor that a hook has moved is recognised."""
    return (x.shape, x.data_ptr(), *[other.data_ptr() for other in others])


_apply = apply_without_transforms(FastForward)
