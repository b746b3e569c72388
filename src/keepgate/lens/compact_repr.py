"""How a result shows itself at a prompt and in a notebook: every field by name, many numbers by their extent."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, nn

# So many letters of a text, so many parts of a row, and dataclasses so deep inside each other are written out; one
# whose own words are no longer than a line stays as it is.
LETTERS, PARTS, DEPTH, LINE = 32, 4, 2, 80


def compact_repr(found: Any) -> str:
    """A dataclass on one line: tensors as shape, lowest and highest value, the middle of a long row left out.

    Written as a class's `__repr__ = brief`.
    """
    return _dataclass(found, DEPTH)


def _dataclass(found: Any, depth: int) -> str:
    name = type(found).__name__
    if not depth:
        return f"{name}(…)"
    parts = (f"{field.name}={_value(getattr(found, field.name), depth - 1)}" for field in fields(found))
    return f"{name}({', '.join(parts)})"


def _value(value: Any, depth: int) -> str:
    if isinstance(value, Tensor):
        return _tensor(value)
    if is_dataclass(value):
        own = " ".join(repr(value).split())
        return own if len(own) <= LINE else _dataclass(value, depth)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return repr(value if len(value) <= LETTERS else f"{value[: LETTERS // 2]}…{value[-LETTERS // 2 :]}")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_value(each, depth)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple | list):
        return _row(value, depth)
    plain = value is None or isinstance(value, bool | int | nn.Module)
    return repr(value) if plain else f"{type(value).__name__}(…)"


def _row(values: Sequence[Any], depth: int) -> str:
    shown = [_value(each, depth) for each in (values if len(values) <= PARTS else values[: PARTS - 1])]
    if len(values) > PARTS:
        shown += ["…", _value(values[-1], depth)]
    comma = "," if len(values) == 1 else ""
    return f"({', '.join(shown)}{comma})".replace("…, ", "… ")


def _tensor(values: Tensor) -> str:
    known = values.detach()
    if known.dim() == 0:
        return f"{float(known):.4g}"
    shape = f"[{', '.join(map(str, known.shape))}]"
    if not known.numel():
        return shape
    real = known[~known.isnan()]
    return f"{shape} {float(real.min()):.4g} to {float(real.max()):.4g}" if real.numel() else f"{shape} nan"
