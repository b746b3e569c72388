"""The C++ core's two passes as autograd functions, for derivatives of any order and for torch.func's transforms."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..call import Call
from ..torch_internals import apply_without_transforms, legacy_vmap_level
from ..tracing_state import transformed
from . import higher_order as again
from . import torch_ops as ops
from .call_spec import Spec, spread, tensors_of
from .vmap import mapped, result_rows, tensor_rows, through_older_vmap

Tensors = Sequence[Tensor | None]


def sequence(call: Call, *, differentiable: bool) -> tuple[Tensor, ...]:
    """Output, final states and, where they are differentiable or a trace is wanted, planes."""
    if torch.compiler.is_compiling():
        return ops.dispatched(call, keep=differentiable or call.trace)
    if transformed():
        return _forward(Spec.of(call), *tensors_of(call))
    if differentiable:
        return _forward_at_once(Spec.of(call), *tensors_of(call))
    return ops.forward(call, keep=call.trace, again=True)


class Forward(Function):
    """(spec, *tensors) → output, final states, planes."""

    @staticmethod
    def forward(spec: Spec, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        return ops.forward(spec.call(tensors), keep=True, again=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.spec, *tensors = inputs
        ctx.save_for_backward(*tensors, output[0], output[-1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, output, planes = ctx.saved_tensors
        return None, *gradients_of(ctx.spec, tensors, output, planes, upstream, ctx.needs_input_grad[1:])

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], spec: Spec, *tensors: Tensor | None) -> Any:
        def run(*tensors: Tensor | None) -> tuple[Tensor, ...]:
            return _forward(spec, *tensors)

        return mapped(run, info.batch_size, in_dims[1:], tensors, tensor_rows(spec), result_rows(spec))


class Backward(Function):
    """(spec, wanted, *tensors, output, planes, *upstream) → the gradients of the wanted tensors.

    Output and planes are what the tensors came to: a gradient reaches the tensors by themselves, not by way of those.
    """

    @staticmethod
    def forward(spec: Spec, wanted: tuple[bool, ...], *given: Tensor | None) -> tuple[Tensor, ...]:
        tensors, (output, planes, *upstream) = given[: len(wanted)], given[len(wanted) :]
        assert output is not None
        assert planes is not None
        found = ops.backward(spec.call(tensors), output, planes, upstream, wanted)
        return tuple(gradient for gradient in found if gradient is not None)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _output: tuple[Tensor, ...]) -> None:
        ctx.spec, ctx.wanted, *given = inputs
        ctx.save_for_backward(*given)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        count = len(ctx.wanted)
        given, needed = ctx.saved_tensors, ctx.needs_input_grad[2:]
        needed = needed[:count] + needed[count + 2 :]
        found = again.second(ctx.spec, given[:count], given[count + 2 :], ctx.wanted, gradients, needed)
        each = spread(found, needed)
        return (None, None, *each[:count], None, None, *each[count:])

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], spec: Spec, wanted: tuple[bool, ...], *given: Tensor | None
    ) -> Any:
        def run(*given: Tensor | None) -> tuple[Tensor, ...]:
            return _backward(spec, wanted, *given)

        rows, (output, *final, planes) = tensor_rows(spec), result_rows(spec)
        results = [row for row, want in zip(rows, wanted, strict=True) if want]
        rows += [output, planes, output, *final]
        return mapped(run, info.batch_size, in_dims[2:], given, rows, results)


_Apply = Callable[..., tuple[Tensor, ...]]
_forward: _Apply = Forward.apply
_backward: _Apply = Backward.apply

_forward_at_once = apply_without_transforms(Forward)


def gradients_of(
    spec: Spec, tensors: Tensors, output: Tensor, planes: Tensor, upstream: Tensors, wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The gradient of each tensor, None where none is wanted; upstream: of output, final states and planes."""
    if legacy_vmap_level():
        return through_older_vmap(lambda each: _pulled(spec, tensors, output, planes, each, wanted), upstream)
    return _pulled(spec, tensors, output, planes, upstream, wanted)


def _pulled(
    spec: Spec, tensors: Tensors, output: Tensor, planes: Tensor, upstream: Tensors, wanted: Sequence[bool]
) -> list[Tensor | None]:
    *others, d_planes = upstream
    if d_planes is not None:
        return spread(again.first(spec, tensors, upstream, wanted), wanted)
    if torch.is_grad_enabled() or transformed():
        return spread(_backward(spec, tuple(wanted), *tensors, output, planes, *others), wanted)
    return ops.backward(spec.call(tensors), output, planes, others, wanted)


def _save(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    call = ops.call_of(inputs, trace=inputs[-2])
    ctx.spec, ctx.kept = Spec.of(call), inputs[-1]
    ctx.save_for_backward(*tensors_of(call), output[0], output[-1])


def _op_gradients(ctx: Any, upstream: list[Tensor | None]) -> tuple[Any, ...]:
    *tensors, output, planes = ctx.saved_tensors
    *weights, states, vectors, lengths, resets = ctx.needs_input_grad[:10]
    wanted = [*weights, *states, *vectors, lengths, resets]
    if ctx.kept:
        found = gradients_of(ctx.spec, tensors, output, planes, upstream, wanted)
    else:
        found = spread(again.first(ctx.spec, tensors, upstream, wanted), wanted)
    middle = 6 + len(states)
    return (*found[:6], found[6:middle], found[middle:-2], *[None] * 6)


torch.library.register_autograd("keepgate::sequence", _op_gradients, setup_context=_save, lib=ops.LIBRARY)
