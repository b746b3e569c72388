"""Arguments and results of a model as a flat list of named tensors, and back."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

# What belongs to one position: its name, and its tensor.
Named = list[tuple[str, Tensor]]


def flatten(value: Any, name: str) -> Named:
    """Every tensor inside a value with its name: a field's or key's own, a sequence's with the place behind it."""
    return [pair for part, inner in _parts(value, name) for pair in flatten(inner, part)] or (
        [(name, value)] if isinstance(value, Tensor) else []
    )


def rebuild(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The value with the next tensors in the place of its own; what is no tensor stays."""
    if isinstance(value, Tensor):
        return next(tensors)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: rebuild(getattr(value, f.name), tensors) for f in fields(value) if f.init}
        )
    if isinstance(value, Mapping):
        return {key: rebuild(inner, tensors) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        # A named tuple takes its parts one by one, but for this.
        build = getattr(type(value), "_make", type(value))
        return build([rebuild(inner, tensors) for inner in value])
    return value


def absolute_differences(theirs: Tensor, ours: Tensor) -> Tensor:
    """Those of two tensors of one shape, number by number, in float64 on the CPU; NaN where one of them alone is NaN.

    Where both are infinite or NaN alike there is no difference.
    """
    dense = [tensor if tensor.layout is torch.strided else tensor.to_dense() for tensor in (theirs, ours)]
    same = (dense[0] == dense[1]) | ((dense[0] != dense[0]) & (dense[1] != dense[1]))
    gap = (dense[1].to(torch.complex128) - dense[0].to(torch.complex128)).abs()
    return gap.masked_fill(same, 0.0).cpu()


def largest_difference(theirs: Tensor, ours: Tensor) -> float:
    """The largest of their `absolute_differences`; 0 where there are none."""
    gaps = absolute_differences(theirs, ours)
    return float(gaps.max()) if gaps.numel() else 0.0


def has_names(value: Any) -> bool:
    """Whether the parts of a value have names: a dataclass, a mapping."""
    return isinstance(value, Mapping) or (is_dataclass(value) and not isinstance(value, type))


def _parts(value: Any, name: str) -> list[tuple[str, Any]]:
    if has_names(value) and not isinstance(value, Mapping):
        return [(_joined(name, f.name), getattr(value, f.name)) for f in fields(value) if f.init]
    if isinstance(value, Mapping):
        return [(_joined(name, str(key)), inner) for key, inner in value.items()]
    if isinstance(value, (tuple, list)):
        return [(f"{name}_{place}", inner) for place, inner in enumerate(value)]
    return []


def _joined(outer: str, inner: str) -> str:
    return f"{outer}.{inner}" if outer else inner


def unique(names: list[str]) -> list[str]:
    """The names, each once: a second of the same gets a number behind it."""
    repeats: dict[str, int] = {}
    result = []
    for name in names:
        repeats[name] = repeats.get(name, -1) + 1
        result.append(f"{name}_{repeats[name]}" if repeats[name] else name)
    return result
