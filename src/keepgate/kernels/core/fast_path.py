"""The plainest call straight to the core: whole sequences from zeros, traced or not, of tensors that are plain memory.

Most calls are of this kind, and what a small layer's call costs is mostly Python. So what is looked at, for any call,
by `nn.input_format`, `Call`, `Cpu.refuses` and `autograd` is looked at here in one place and once. Where it is more
than plain, or wrong, the answer is None: they can do the rest, and say what is wrong.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..torch_internals import apply_without_transforms
from ..tracing_state import undisturbed
from ..weights import Weights, is_plain
from . import arguments as addresses
from .arguments import KINDS, Arrays, by_name
from .autograd import gradients_of
from .call_spec import Spec, in_order
from .program import CoreCell, core_cell


def directly(weights: Weights, x: Tensor) -> tuple[Tensor, ...] | None:
    """The output and each final state as a layer stacks them, [1, batch, units]; None where more must be looked at.

    x: [time, batch, input].
    """
    if not _is_plain(weights, x):
        return None
    zeros = x.new_zeros(1, x.shape[1], weights.hidden_size)
    if _is_needed(weights, x):
        return _apply(weights, False, zeros, x, *weights.given)
    return addresses.forward(_arrays(weights, zeros, x), keep=False, again=True)


def traced_directly(
    weights: Weights, x: Tensor
) -> tuple[tuple[Tensor, ...], dict[str, Tensor], Tensor] | None:
    """What `directly` gives, every gate and state by name, and the zeros before the first step, [batch, units].

    None where more must be looked at.
    """
    if not _is_plain(weights, x):
        return None
    zeros = x.new_zeros(1, x.shape[1], weights.hidden_size)
    if _is_needed(weights, x):
        *found, planes = _apply(weights, True, zeros, x, *weights.given)
    else:
        *found, planes = addresses.forward(_arrays(weights, zeros, x), keep=True, again=True)
    return tuple(found), by_name(weights.cell, weights.hidden_size, found[0], planes), zeros[0]


def _is_plain(weights: Weights, x: Tensor) -> bool:
    return (
        weights.addresses is not None
        and weights.plain
        and weights.weight_hr is None
        and isinstance(core_cell(weights.cell), CoreCell)
        and weights.cell.recurrent != "diagonal"
        and x.dtype is weights.dtype
        and x.dtype in KINDS
        and is_plain(x)
        and undisturbed()
        and x.shape[2] == weights.input_size
        and x.numel() > 0
    )


def _is_needed(weights: Weights, x: Tensor) -> bool:
    return (weights.needed or x.requires_grad) and torch.is_grad_enabled()


def _arrays(weights: Weights, zeros: Tensor, x: Tensor) -> Arrays:
    return Arrays(weights, x, (zeros,) * len(weights.states))


class Direct(Function):
    """(weights, traced, zeros, x, *weights.given) → output, final states; traced, what is kept for backward too."""

    @staticmethod
    def forward(
        ctx: Any, weights: Weights, traced: bool, zeros: Tensor, x: Tensor, *given: Tensor | None
    ) -> tuple[Tensor, ...]:
        arrays = _arrays(weights, zeros, x)
        told, (*results, planes) = addresses.solved(arrays, keep=True, again=False)
        ctx.weights, ctx.traced, ctx.told = weights, traced, told
        ctx.where = _where(arrays.x, zeros, results[0], planes)
        ctx.save_for_backward(zeros, results[0], planes, x, *given)
        ctx.set_materialize_grads(False)
        return (*results, planes) if traced else tuple(results)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        zeros, output, planes, x, *given = ctx.saved_tensors
        weights, (*_, want_x), want_given = ctx.weights, ctx.needs_input_grad[:4], ctx.needs_input_grad[4:]
        upstream, d_planes = (upstream[:-1], upstream[-1]) if ctx.traced else (upstream, None)
        states = len(weights.states)
        wanted = in_order(want_given, want_x, (False,) * states, False, False)
        if (
            d_planes is None
            and undisturbed()
            and not torch.is_grad_enabled()
            and weights.still([weight for weight in given if weight is not None])
            and _where(x, zeros, output, planes) == ctx.where
        ):
            every = in_order(given, x, (zeros,) * states, None, None)
            found = addresses.gradients(ctx.told, weights.addresses, every, upstream[0], upstream[1:], wanted)
        else:
            tensors = in_order(given, x, (zeros[0],) * states, None, None)
            last = [None if gradient is None else gradient[0] for gradient in upstream[1:]]
            spec = Spec(weights.cell, False, False, weights)
            found = gradients_of(spec, tensors, output, planes, (upstream[0], *last, d_planes), wanted)
        return None, None, None, *found[:6], *found[6 + states : -2]


def _where(x: Tensor, *others: Tensor) -> tuple[Any, ...]:
    """By what it is seen that tensors lie where they did. A hook may have moved those that were saved."""
    return (x.shape, x.data_ptr(), *[other.data_ptr() for other in others])


_apply = apply_without_transforms(Direct)
