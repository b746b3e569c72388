"""Vector-Jacobian products through the reference, for derivatives that the core lacks: second ones, and of traces."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.func import vjp

from ...arrays.core_cell import core_cell
from ..reference import Reference
from .call_spec import CallSpec

Tensors = Sequence[Tensor | None]


def reference_vjp(
    spec: CallSpec, tensors: Tensors, upstream: Tensors, needs_grad: Sequence[bool]
) -> tuple[Tensor, ...]:
    """The gradients of the wanted tensors, by the reference.

    upstream: gradients of output, final states and, where there are any, planes; None for zero.
    """
    cell = spec.cell
    d_results, planes = list(upstream[: 1 + len(cell.states)]), upstream[1 + len(cell.states) :]
    names: list[str] = []
    for plane in planes:
        if plane is not None:
            hidden = spec.call(tensors).hidden_size
            # Only backward reads a plane that no trace shows, so no gradient comes by it.
            gradients = zip(core_cell(cell).planes, plane, strict=False)
            traced = {n: d[..., :hidden] for n, d in gradients if n in (*cell.states, *cell.traced)}
            names, d_results = list(traced), [*d_results, *traced.values()]

    def function(*tensors: Tensor | None) -> Tensors:
        result = Reference().forward(replace(spec.call(tensors), trace=bool(names)))
        return [result.output, *result.final, *[result.traced[name] for name in names]]

    return _vjp(function, tensors, needs_grad, d_results)


def reference_double_vjp(
    spec: CallSpec,
    tensors: Tensors,
    upstream: Tensors,
    needs_grad: Sequence[bool],
    d_gradients: Tensors,
    needed: Sequence[bool],
) -> tuple[Tensor, ...]:
    """The gradients of the needed of (*tensors, *upstream). d_gradients: of each gradient of `reference_vjp`."""

    def function(*arguments: Tensor | None) -> tuple[Tensor, ...]:
        return reference_vjp(spec, arguments[: len(tensors)], arguments[len(tensors) :], needs_grad)

    return _vjp(function, [*tensors, *upstream], needed, d_gradients)


def _vjp(
    function: Callable[..., Tensors], arguments: Tensors, needs_grad: Sequence[bool], upstream: Tensors
) -> tuple[Tensor, ...]:
    """The gradients of the wanted arguments. upstream: of each result of `function`, None for zero."""
    places = [place for place, want in enumerate(needs_grad) if want]
    if all(gradient is None for gradient in upstream):
        return tuple(torch.zeros_like(tensor) for place in places if (tensor := arguments[place]) is not None)

    def of_wanted(*tensors: Tensor) -> tuple[Tensor | None, ...]:
        complete = list(arguments)
        for place, tensor in zip(places, tensors, strict=True):
            complete[place] = tensor
        return tuple(r for r, d in zip(function(*complete), upstream, strict=True) if d is not None)

    with torch.autocast("cpu", enabled=False):
        _, pullback = vjp(of_wanted, *[arguments[place] for place in places])
        return pullback(tuple(d for d in upstream if d is not None))
