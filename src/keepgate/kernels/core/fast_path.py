"""Fast path of the core for the common call: one layer and direction, whole rows, plain CPU tensors.

A small layer's call is mostly Python. `nn.input_format`, `Call`, `Cpu.refusal_reason` and `autograd` check any call;
here the weights are checked once, and of a call only the input and torch's modes. Where a precondition fails, the
result is None.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ...arrays.compiled import _core
from ...arrays.core_cell import CoreCell, core_cell, core_cell_or_reason
from ..random_mask import DrawnMasks
from ..torch_internals import apply_without_transforms, dispatch_mode_depth, metadata_guard
from ..tracing_state import forward_ad_active, no_interception
from ..weights import Weights, is_plain
from .arguments import (
    DTYPE_NUMBERS,
    CoreInputs,
    run_backward_with_args,
    run_forward,
    run_forward_with_args,
    traced_values,
    type_number,
)
from .autograd import core_vjp
from .call_spec import CallSpec, flatten_tensors
from .openmp_threads import share_torch_threads_once
from .packed_weights import packed_address


class CoreFastPath:
    """The contract's fast path, see `kernels.kernel.FastPath`; valid while `weights.matches` the layer's parameters."""

    def __init__(self, weights: Weights) -> None:
        assert weights.dtype is not None
        share_torch_threads_once()
        self._weights, self._dtype = weights, weights.dtype
        self._hidden, self._inputs, self._width = weights.hidden_size, weights.input_size, weights.x_width
        self._kind = core_cell(weights.cell).number, type_number(weights, weights.dtype)
        self._no_states, self._others = (0,) * len(weights.states), len(weights.states) - 1
        self._last_form: tuple[Any, ...] | None = None
        self._prepared: _PreparedRun | None = None

    @staticmethod
    def of(weights: Weights) -> "CoreFastPath | None":
        """The fast path for these weights; None for a projection, a diagonal recurrence, a cell that the core cannot
        run, and weights that were not remembered or are not plain."""
        suits = (
            weights.addresses is not None
            and weights.plain
            and not weights.projected_size
            and isinstance(core_cell_or_reason(weights.cell), CoreCell)
            and weights.cell.recurrent != "diagonal"
            and weights.dtype in DTYPE_NUMBERS
            and weights.hidden_size > 0
        )
        return CoreFastPath(weights) if suits else None

    def __call__(self, x: Tensor, states: tuple[Tensor, ...] | None = None) -> tuple[Tensor, ...] | None:
        """The output [time, batch, units] and each final state [1, batch, units]; None for the general path."""
        if self._prepared is not None and (prepared := self._prepared(x, states)) is not None:
            self._last_form = None
            return prepared
        if not self._takes(x, self._width):
            return None
        (steps, rows, inputs), hidden = x.shape, self._hidden
        if self._differentiates(x):
            if self._weights.narrow is not None:
                return None
            zeros = x.new_zeros(1, rows, hidden)
            return (
                _apply(self._weights, False, None, zeros, x, *self._weights.arguments)
                if states is None
                else None
            )
        if states is not None and not self._are_states(states, (1, rows, hidden)):
            return None
        if copied := not x.is_contiguous() or x.is_neg():
            x = x.resolve_neg().contiguous()
        output, h = x.new_empty(steps, rows, hidden), x.new_empty(1, rows, hidden)
        final = (h, *map(torch.empty_like, (h,) * self._others))
        self._infer(steps, rows, (x.data_ptr(), rows * inputs, inputs), states, output.data_ptr(), final)
        if not copied:
            self._prepare(x, states)
        return output, *final

    def masked(self, x: Tensor, draw: Callable[[Tensor, Weights], DrawnMasks]) -> tuple[Tensor, ...] | None:
        """`__call__` from zeros with masks, which stand beside x; None for the general path."""
        weights = self._weights
        if not self._takes(x, self._inputs):
            return None
        masks, zeros = draw(x, weights), x.new_zeros(1, x.shape[1], self._hidden)
        if self._differentiates(x):
            return _apply(weights, False, masks, zeros, x, *weights.arguments)
        return run_forward(_inputs(weights, zeros, x, masks), save=False)

    def step(self, x: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """The states [batch, units] after one step without gradients; None for the general path."""
        if self._prepared is not None and (prepared := self._prepared(x, states)) is not None:
            self._last_form = None
            return prepared
        if (
            not self._takes(x, self._width, dims=2)
            or self._differentiates(x)
            or not x.is_contiguous()
            or x.is_neg()
        ):
            return None
        rows, hidden = x.shape[0], self._hidden
        if states is not None and not self._are_states(states, (rows, hidden)):
            return None
        h = x.new_empty(rows, hidden)
        final = (h, *map(torch.empty_like, (h,) * self._others))
        self._infer(1, rows, (x.data_ptr(), 0, self._width), states, h.data_ptr(), final)
        self._prepare(x, states)
        return final

    def _prepare(self, x: Tensor, states: tuple[Tensor, ...] | None) -> None:
        """Prepares a form that has come twice in a row, so that forms which change each time cost nothing."""
        tensors = (x, *(states or ()))
        form = (
            torch.is_inference_mode_enabled(),
            *[(tensor.shape, tensor.stride(), tensor.requires_grad) for tensor in tensors],
        )
        if form == self._last_form:
            self._prepared = _PreparedRun(self._weights, self._kind, tensors)
        self._last_form = form

    def _infer(
        self,
        steps: int,
        rows: int,
        x: tuple[int, int, int],
        states: tuple[Tensor, ...] | None,
        output: int,
        final: tuple[Tensor, ...],
    ) -> None:
        """Runs the core without gradients. x: address and strides; states: zeros if None; output: an address."""
        weights, hidden = self._weights, self._hidden
        assert weights.addresses is not None
        sizes = (steps, rows, self._inputs, hidden, 0)
        _core.Forward(
            *self._kind, sizes, torch.get_num_threads(), False, False, x, (), 0, 0,
            self._no_states if states is None else tuple([state.data_ptr() for state in states]),
            tuple([state.data_ptr() for state in final]), weights.addresses,
            packed_address(weights, *self._kind, sizes, weights.addresses), (output, rows * hidden, hidden), (),
        ).run()  # fmt: skip

    def trace(self, x: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor], Tensor] | None:
        """(Result of `__call__`; gates and states by name, [time, batch, units]; the initial state [batch, units])."""
        if not self._takes(x, self._width) or (self._weights.narrow is not None and self._differentiates(x)):
            return None
        weights, zeros = self._weights, x.new_zeros(1, x.shape[1], self._hidden)
        if self._differentiates(x):
            *results, planes = _apply(weights, True, None, zeros, x, *weights.arguments)
        else:
            *results, planes = run_forward(_inputs(weights, zeros, x), save=True)
        return tuple(results), traced_values(weights.cell, self._hidden, results[0], planes), zeros[0]

    def _takes(self, x: Tensor, width: int, dims: int = 3) -> bool:
        return (
            no_interception()
            and x.dim() == dims
            and x.dtype is self._dtype
            and is_plain(x)
            and x.shape[-1] == width
            and x.numel() > 0
        )

    def _are_states(self, states: tuple[Tensor, ...], shape: tuple[int, ...]) -> bool:
        """Whether these are the cell's states, all of this shape, as the core reads them and without gradients."""
        return len(states) == len(self._no_states) and all(
            type(state) is Tensor
            and state.dtype is self._dtype
            and state.shape == shape
            and is_plain(state)
            and state.is_contiguous()
            and not state.is_neg()
            and not (state.requires_grad and torch.is_grad_enabled())
            for state in states
        )

    def _differentiates(self, x: Tensor) -> bool:
        return (self._weights.requires_grad or x.requires_grad) and torch.is_grad_enabled()


class _PreparedRun:
    """The same run again on tensors of one form, which one guard of torch's looks at, by a call of the core's that is
    given addresses alone. x: [time, batch, input], or [batch, input] for one step, whose output is its first state."""

    def __init__(self, weights: Weights, kind: tuple[int, int], tensors: tuple[Tensor, ...]) -> None:
        """tensors: x, and the initial states unless these are zeros."""
        assert weights.addresses is not None
        count, hidden, (*steps, rows, width) = len(weights.states), weights.hidden_size, tensors[0].shape
        sizes = (*(steps or (1,)), rows, weights.input_size, hidden, 0)
        self._given, self._same = len(tensors) - 1, metadata_guard(tensors)
        self._gradients = weights.requires_grad or any(tensor.requires_grad for tensor in tensors)
        self._zeros, self._final = (0,) * (count - self._given), (*(1,) * len(steps), rows, hidden)
        self._output = (*steps, rows, hidden) if steps else None
        self._run = _core.Forward(
            *kind, sizes, 1, False, False, (0, rows * width, width), (), 0, 0, (0,) * count, (0,) * count,
            weights.addresses, packed_address(weights, *kind, sizes, weights.addresses),
            (0, rows * hidden, hidden), (),
        ).run_on  # fmt: skip

    def __call__(self, x: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """As `CoreFastPath.__call__` or its `step`; None for tensors of another form, and under a mode of torch's."""
        states = states or ()
        if (
            len(states) != self._given
            or not self._same(x, *states)
            or dispatch_mode_depth()
            or forward_ad_active()
            or (self._gradients and torch.is_grad_enabled())
        ):
            return None
        # torch reads sizes one by one faster than a tuple of them.
        final = (*map(torch.empty_like, states), *[x.new_empty(*self._final) for _ in self._zeros])
        output = final[0] if self._output is None else x.new_empty(*self._output)
        self._run(
            torch.get_num_threads(), x.data_ptr(), output.data_ptr(),
            *map(Tensor.data_ptr, states), *self._zeros, *map(Tensor.data_ptr, final),
        )  # fmt: skip
        return final if self._output is None else (output, *final)


def _inputs(weights: Weights, zeros: Tensor, x: Tensor, masks: DrawnMasks | None = None) -> CoreInputs:
    return CoreInputs(weights, x, (zeros,) * len(weights.states), masks=masks)


class FastForward(Function):
    """(weights, trace, masks, zeros, x, *weights.arguments) → output, final states and, with trace, planes."""

    @staticmethod
    def forward(
        ctx: Any,
        weights: Weights,
        trace: bool,
        masks: DrawnMasks | None,
        zeros: Tensor,
        x: Tensor,
        *arguments: Tensor | None,
    ) -> tuple[Tensor, ...]:
        """Runs the core and keeps its arguments for the backward pass."""
        inputs = _inputs(weights, zeros, x, masks)
        args, (*results, planes) = run_forward_with_args(inputs, save=True)
        ctx.weights, ctx.trace, ctx.args = weights, trace, args
        # Of masked weights, those that `args` point to.
        masked = None if masks is None or masks.weight_hh is None else inputs.weight_tensors[1]
        mask_tensors = () if masks is None else (*masks.unit_inputs, masks.weight_hh, masked)
        ctx.storage = _storage(inputs.x, zeros, results[0], planes, *mask_tensors)
        ctx.save_for_backward(zeros, results[0], planes, x, *arguments, *mask_tensors)
        ctx.set_materialize_grads(False)
        return (*results, planes) if trace else tuple(results)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients by the same arguments; the general way where a tensor was moved or changed."""
        zeros, output, planes, x, *others = ctx.saved_tensors
        weights, want_x, want_weights = ctx.weights, ctx.needs_input_grad[4], ctx.needs_input_grad[5:]
        arguments, mask_tensors = others[: len(want_weights)], others[len(want_weights) :]
        masks = DrawnMasks(tuple(mask_tensors[:-2]), mask_tensors[-2]) if mask_tensors else None
        upstream, d_planes = (upstream[:-1], upstream[-1]) if ctx.trace else (upstream, None)
        states = len(weights.states)
        needs_grad = flatten_tensors(want_weights, want_x, (False,) * states, False, False)
        if (
            d_planes is None
            and no_interception()
            and not torch.is_grad_enabled()
            and weights.matches([weight for weight in arguments if weight is not None])
            and _storage(x, zeros, output, planes, *mask_tensors) == ctx.storage
        ):
            tensors = flatten_tensors(arguments, x, (zeros,) * states, None, None)
            gradients = run_backward_with_args(ctx.args, tensors, upstream[0], upstream[1:], needs_grad)
        else:
            columns = x.shape[2]
            if masks is not None:
                x, arguments[1] = masks.apply(x, arguments[1])
            tensors = flatten_tensors(arguments, x, (zeros[0],) * states, None, None)
            d_final = [None if gradient is None else gradient[0] for gradient in upstream[1:]]
            spec = CallSpec(weights.cell, False, False, weights)
            gradients = core_vjp(spec, tensors, output, planes, (upstream[0], *d_final, d_planes), needs_grad)
            if masks is not None and gradients[0] is not None:
                gradients[0] = gradients[0].narrow(2, 0, columns)
        if masks is not None and masks.weight_hh is not None and gradients[2] is not None:
            gradients[2] = gradients[2] * masks.weight_hh
        return None, None, None, None, *gradients[:6], *gradients[6 + states : -2]


def _storage(x: Tensor, *others: Tensor | None) -> tuple[Any, ...]:
    """Shape and addresses, by which a saved tensor that a hook has moved is recognised."""
    return (x.shape, x.data_ptr(), *[other.data_ptr() for other in others if other is not None])


_apply = apply_without_transforms(FastForward)
