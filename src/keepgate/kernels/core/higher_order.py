"""Derivatives that the C++ core does not have: second ones, and those of traced gates. The reference runs once more."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.func import vjp

from ..reference import Reference
from .call_spec import Spec
from .program import known

Tensors = Sequence[Tensor | None]


def first(spec: Spec, tensors: Tensors, upstream: Tensors, wanted: Sequence[bool]) -> tuple[Tensor, ...]:
    """The gradients of the wanted tensors.

    upstream: the gradients of output, final states and, where there are any, planes; None for zero.
    """
    cell = spec.cell
    results, planes = list(upstream[: 1 + len(cell.states)]), upstream[1 + len(cell.states) :]
    shown: list[str] = []
    for plane in planes:
        if plane is not None:
            hidden = spec.call(tensors).hidden_size
            # A plane that no trace shows is read by nobody but backward, so no gradient comes by it.
            gradients = zip(known(cell).planes, plane, strict=False)
            named = {n: d[..., :hidden] for n, d in gradients if n in (*cell.states, *cell.traced)}
            shown, results = list(named), [*results, *named.values()]

    def function(*tensors: Tensor | None) -> Tensors:
        ran = Reference().forward(replace(spec.call(tensors), trace=bool(shown)))
        return [ran.output, *ran.final, *[ran.traced[name] for name in shown]]

    return _pulled(function, tensors, wanted, results)


def second(
    spec: Spec,
    tensors: Tensors,
    upstream: Tensors,
    wanted: Sequence[bool],
    gradients: Tensors,
    needed: Sequence[bool],
) -> tuple[Tensor, ...]:
    """The gradients of those of (*tensors, *upstream) that are needed, from the gradients of what `first` gives."""

    def function(*given: Tensor | None) -> tuple[Tensor, ...]:
        return first(spec, given[: len(tensors)], given[len(tensors) :], wanted)

    return _pulled(function, [*tensors, *upstream], needed, gradients)


def _pulled(
    function: Callable[..., Tensors], given: Tensors, wanted: Sequence[bool], upstream: Tensors
) -> tuple[Tensor, ...]:
    """The gradients of the wanted of the given tensors; upstream: those of what the function makes of all of them."""
    places = [place for place, want in enumerate(wanted) if want]
    if all(gradient is None for gradient in upstream):
        return tuple(torch.zeros_like(tensor) for place in places if (tensor := given[place]) is not None)

    def reached(*some: Tensor) -> tuple[Tensor | None, ...]:
        every = list(given)
        for place, tensor in zip(places, some, strict=True):
            every[place] = tensor
        return tuple(r for r, d in zip(function(*every), upstream, strict=True) if d is not None)

    with torch.autocast("cpu", enabled=False):
        _, pull = vjp(reached, *[given[place] for place in places])
        return pull(tuple(d for d in upstream if d is not None))
