"""The core as torch.autograd.Function: forward, backward, derivatives of any order, and torch.func's transforms."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..call import Call
from ..torch_internals import apply_without_transforms, legacy_vmap_level
from ..tracing_state import functorch_active
from . import torch_ops as ops
from .call_spec import CallSpec, call_tensors, with_none
from .higher_order import reference_double_vjp, reference_vjp
from .vmap import result_batch_dims, tensor_batch_dims, through_legacy_vmap, vmap_rule

Tensors = Sequence[Tensor | None]


def run_sequence(call: Call, *, differentiable: bool) -> tuple[Tensor, ...]:
    """Runs a call on the core: output, final states and, if differentiable or traced, planes."""
    if torch.compiler.is_compiling():
        return ops.call_operator(call, save=differentiable or call.trace)
    if functorch_active():
        return _forward(CallSpec.of(call), *call_tensors(call))
    if differentiable:
        return _forward_without_transforms(CallSpec.of(call), *call_tensors(call))
    return ops.forward(call, save=call.trace)


class Forward(Function):
    """(spec, *tensors) → output, final states, planes."""

    @staticmethod
    def forward(spec: CallSpec, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        """Runs the core and saves the planes."""
        return ops.forward(spec.call(tensors), save=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Saves the inputs, the output and the planes."""
        ctx.spec, *tensors = inputs
        ctx.save_for_backward(*tensors, output[0], output[-1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients of the tensors, by the core or, where a plane has a gradient, by the reference."""
        *tensors, output, planes = ctx.saved_tensors
        return None, *core_vjp(ctx.spec, tensors, output, planes, upstream, ctx.needs_input_grad[1:])

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], spec: CallSpec, *tensors: Tensor | None) -> Any:
        """A larger batch where the weights are shared, else a loop."""

        def run(*tensors: Tensor | None) -> tuple[Tensor, ...]:
            return _forward(spec, *tensors)

        return vmap_rule(
            run, info.batch_size, in_dims[1:], tensors, tensor_batch_dims(spec), result_batch_dims(spec)
        )


class Backward(Function):
    """(spec, needs_grad, *tensors, output, planes, *upstream) → the gradients of the tensors that need one.

    `output` and `planes` are treated as constants: the second derivative flows through the inputs only.
    """

    @staticmethod
    def forward(spec: CallSpec, needs_grad: tuple[bool, ...], *inputs: Tensor | None) -> tuple[Tensor, ...]:
        """Runs the core's backward pass."""
        tensors, (output, planes, *upstream) = inputs[: len(needs_grad)], inputs[len(needs_grad) :]
        assert output is not None
        assert planes is not None
        gradients = ops.backward(spec.call(tensors), output, planes, upstream, needs_grad)
        return tuple(gradient for gradient in gradients if gradient is not None)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: tuple[Tensor, ...]) -> None:
        """Saves all inputs."""
        ctx.spec, ctx.needs_grad, *saved = inputs
        ctx.save_for_backward(*saved)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Second derivatives (double backward), by autograd over the reference."""
        count = len(ctx.needs_grad)
        saved, needs_second = ctx.saved_tensors, ctx.needs_input_grad[2:]
        needs_second = needs_second[:count] + needs_second[count + 2 :]
        second = reference_double_vjp(
            ctx.spec, saved[:count], saved[count + 2 :], ctx.needs_grad, gradients, needs_second
        )
        by_input = with_none(second, needs_second)
        return (None, None, *by_input[:count], None, None, *by_input[count:])

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        spec: CallSpec,
        needs_grad: tuple[bool, ...],
        *inputs: Tensor | None,
    ) -> Any:
        """A larger batch where the weights are shared, else a loop."""
        folded = replace(spec, into=None)  # whose buffer has the rows of one call only

        def run(*inputs: Tensor | None) -> tuple[Tensor, ...]:
            return _backward(folded, needs_grad, *inputs)

        dims, (output, *final, planes) = tensor_batch_dims(spec), result_batch_dims(spec)
        results = [dim for dim, want in zip(dims, needs_grad, strict=True) if want]
        dims += [output, planes, output, *final]
        return vmap_rule(run, info.batch_size, in_dims[2:], inputs, dims, results)


_Apply = Callable[..., tuple[Tensor, ...]]
_forward: _Apply = Forward.apply
_backward: _Apply = Backward.apply

_forward_without_transforms = apply_without_transforms(Forward)


def core_vjp(
    spec: CallSpec,
    tensors: Tensors,
    output: Tensor,
    planes: Tensor,
    upstream: Tensors,
    needs_grad: Sequence[bool],
) -> list[Tensor | None]:
    """The vector-Jacobian product: the gradient of each tensor, None where `needs_grad` is false.

    By the core, or by the reference where a plane has an upstream gradient. upstream: of output, final states, planes.
    """

    def vjp(upstream: Tensors) -> list[Tensor | None]:
        *d_results, d_planes = upstream
        if d_planes is not None:
            return with_none(reference_vjp(spec, tensors, upstream, needs_grad), needs_grad)
        if torch.is_grad_enabled() or functorch_active():
            return with_none(
                _backward(spec, tuple(needs_grad), *tensors, output, planes, *d_results), needs_grad
            )
        return ops.backward(spec.call(tensors), output, planes, d_results, needs_grad)

    return through_legacy_vmap(vjp, upstream) if legacy_vmap_level() else vjp(upstream)


def _setup_op_context(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    call = ops.call_of(inputs, trace=inputs[-2])
    ctx.spec, ctx.planes_saved = CallSpec.of(call), inputs[-1]
    ctx.save_for_backward(*call_tensors(call), output[0], output[-1])


def _op_backward(ctx: Any, upstream: list[Tensor | None]) -> tuple[Any, ...]:
    *tensors, output, planes = ctx.saved_tensors
    *weights, states, vectors, lengths, resets = ctx.needs_input_grad[:10]
    needs_grad = [*weights, *states, *vectors, lengths, resets]
    if ctx.planes_saved:
        gradients = core_vjp(ctx.spec, tensors, output, planes, upstream, needs_grad)
    else:
        gradients = with_none(reference_vjp(ctx.spec, tensors, upstream, needs_grad), needs_grad)
    vectors_start = 6 + len(states)
    return (*gradients[:6], gradients[6:vectors_start], gradients[vectors_start:-2], *[None] * 6)


torch.library.register_autograd(
    "keepgate::sequence", _op_backward, setup_context=_setup_op_context, lib=ops.LIBRARY
)
