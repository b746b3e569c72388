"""Compact repr of results at a prompt and in a notebook: every field by name, many numbers by their extent."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, nn

# So many letters of a text, so many parts of a row, and dataclasses so deep inside each other are written out; a
# dataclass whose own repr is no longer than a line stays as it is.
LETTERS, PARTS, DEPTH, LINE = 32, 4, 2, 80


def compact_repr(result: Any) -> str:
    """A dataclass on one line: tensors as shape, lowest and highest value, the middle of a long row left out.

    Written as a class's `__repr__ = compact_repr`.
    """
    return _dataclass(result, DEPTH)


def _dataclass(result: Any, depth: int) -> str:
    name = type(result).__name__
    if not depth:
        return f"{name}(…)"
    values = (f"{field.name}={_value(getattr(result, field.name), depth - 1)}" for field in fields(result))
    return f"{name}({', '.join(values)})"


def _value(value: Any, depth: int) -> str:
    if isinstance(value, Tensor):
        return _tensor(value.detach())
    if is_dataclass(value):
        own = " ".join(repr(value).split())
        return own if len(own) <= LINE else _dataclass(value, depth)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return repr(value if len(value) <= LETTERS else f"{value[: LETTERS // 2]}…{value[-LETTERS // 2 :]}")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_value(part, depth)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple | list):
        return _row(value, depth)
    plain = value is None or isinstance(value, bool | int | nn.Module)
    return repr(value) if plain else f"{type(value).__name__}(…)"


def _row(values: Sequence[Any], depth: int) -> str:
    if len(values) == 1:
        return f"({_value(values[0], depth)},)"
    if len(values) <= PARTS:
        return f"({', '.join(_value(value, depth) for value in values)})"
    first = ", ".join(_value(value, depth) for value in values[: PARTS - 1])
    return f"({first}, … {_value(values[-1], depth)})"


def _tensor(values: Tensor) -> str:
    if values.dim() == 0:
        return f"{float(values):.4g}"
    shape = f"[{', '.join(map(str, values.shape))}]"
    if not values.numel():
        return shape
    real = values[~values.isnan()]
    return f"{shape} {float(real.min()):.4g} to {float(real.max()):.4g}" if real.numel() else f"{shape} nan"
