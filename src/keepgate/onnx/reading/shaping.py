"""ONNX's operators that move numbers and make shapes: slices, gathers, joins, splits, padding, constants."""

import math
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as f

from ...errors import ShapeError
from .bounds import axes_of, axis_of, broadcast, integer, integers, sized
from .model_file import DTYPES


def constant(
    *, value: Tensor | None = None, value_float: float | None = None, value_int: int | None = None,
    value_floats: list[float] | None = None, value_ints: list[int] | None = None,
) -> Tensor:  # fmt: skip
    values = [
        entry for entry in (value, value_float, value_int, value_floats, value_ints) if entry is not None
    ]
    if len(values) != 1:
        raise ShapeError(f"a constant has one value, this one {len(values)}")
    if isinstance(values[0], Tensor):
        return values[0]
    whole = value_int is not None or value_ints is not None
    return torch.tensor(values[0], dtype=torch.int64 if whole else torch.float32)


def constant_of_shape(shape: Tensor, /, *, value: Tensor | None = None) -> Tensor:
    fill = torch.zeros(1) if value is None else value
    return fill.reshape(()).expand(sized(_ints(shape))).clone()


def shape_of(x: Tensor, /, *, start: int = 0, end: int | None = None) -> Tensor:
    return torch.tensor(list(x.shape)[start:end], dtype=torch.int64)


def size_of(x: Tensor, /) -> Tensor:
    return torch.tensor(x.numel())


def reshape(x: Tensor, shape: Tensor, /, *, allowzero: int = 0) -> Tensor:
    dims = _ints(shape)
    if not allowzero:
        if any(size == 0 and place >= x.dim() for place, size in enumerate(dims)):
            raise ShapeError(f"{dims} copies a dimension that {list(x.shape)} has not")
        dims = [x.shape[place] if size == 0 else size for place, size in enumerate(dims)]
    return x.reshape(dims)


def flatten(x: Tensor, /, *, axis: int = 1) -> Tensor:
    first = axis if axis == x.dim() else axis_of(axis, x.dim())
    return x.reshape(math.prod(x.shape[:first]), math.prod(x.shape[first:]))


def transpose(x: Tensor, /, *, perm: list[int] | None = None) -> Tensor:
    order = list(range(x.dim()))[::-1] if perm is None else perm
    if sorted(order) != list(range(x.dim())):
        raise ShapeError(f"perm={order} is no order of {x.dim()} dimensions")
    return x.permute(order)


def squeeze(x: Tensor, given: Tensor | None = None, /, *, axes: list[int] | None = None) -> Tensor:
    if given is not None:
        axes = integers(given)
    if axes is None:
        return x.squeeze()
    removed = axes_of(axes, x.dim())
    if any(x.shape[axis] != 1 for axis in removed):
        raise ShapeError(f"axes {axes} of {list(x.shape)} are not all of size 1")
    return x.squeeze(tuple(removed))


def unsqueeze(x: Tensor, given: Tensor | None = None, /, *, axes: list[int] | None = None) -> Tensor:
    if given is not None:
        axes = integers(given)
    if axes is None:
        raise ShapeError("it has no axes")
    for axis in axes_of(axes, x.dim() + len(axes)):
        x = x.unsqueeze(axis)
    return x


def concat(*inputs: Tensor, axis: int) -> Tensor:
    if len({tensor.dtype for tensor in inputs}) != 1:
        raise ShapeError("its inputs are of different kinds")
    along = axis_of(axis, inputs[0].dim())
    sized([sum(tensor.shape[along] for tensor in inputs if tensor.dim() > along)])
    if len({tensor.shape[:along] + tensor.shape[along + 1 :] for tensor in inputs}) != 1:
        raise ShapeError(
            f"shapes {', '.join(str(list(t.shape)) for t in inputs)} cannot be joined along axis {axis}"
        )
    return torch.cat(inputs, along)


def split(
    x: Tensor, sizes: Tensor | None = None, /,
    *, axis: int = 0, split: list[int] | None = None, num_outputs: int | None = None, outputs: int,
) -> tuple[Tensor, ...]:  # fmt: skip
    along, lengths = axis_of(axis, x.dim()), split if sizes is None else integers(sizes)
    whole = x.shape[along]
    if lengths is None:
        if num_outputs not in (None, outputs):
            raise ShapeError(f"num_outputs is {num_outputs}, and it has {outputs} outputs")
        part = -(-whole // outputs)
        lengths = [part] * (whole // part if part else 0)
        lengths += [whole - sum(lengths)] * (len(lengths) < outputs)
    if len(lengths) != outputs or sum(lengths) != whole or min(lengths, default=-1) < 0:
        raise ShapeError(f"{whole} along axis {axis} cannot be split into {outputs} parts of {lengths}")
    return tuple(x.tensor_split([*accumulate(lengths)][:-1], along))


def slice_(
    x: Tensor, starts: Tensor | None = None, ends: Tensor | None = None, axes_: Tensor | None = None,
    steps: Tensor | None = None, /,
) -> Tensor:  # fmt: skip
    first, last, axes, by = integers(starts), integers(ends), integers(axes_), integers(steps)
    if first is None or last is None:
        raise ShapeError("it has no starts or no ends")
    axes = list(range(len(first))) if axes is None else axes
    by = [1] * len(first) if by is None else by
    if not len(first) == len(last) == len(axes) == len(by) or 0 in by:
        raise ShapeError(f"starts {first}, ends {last}, axes {axes} and steps {by} do not go together")
    axes_of(axes, x.dim())
    for start, end, axis, step in zip(first, last, axes, by, strict=True):
        along = axis_of(axis, x.dim())
        # Python's slices clamp as ONNX does, but for a start before the first element when going backwards.
        places = range(x.shape[along])[max(start, -x.shape[along]) : end : step]
        if step == 1:
            x = x.narrow(along, places.start if places else 0, len(places))
        else:
            x = x.index_select(along, torch.tensor(list(places), dtype=torch.int64, device=x.device))
    return x


def slice_by_attributes(
    x: Tensor, /, *, starts: list[int], ends: list[int], axes: list[int] | None = None
) -> Tensor:
    """Slice until opset 9."""
    return slice_(x, torch.tensor(starts), torch.tensor(ends), None if axes is None else torch.tensor(axes))


def gather(x: Tensor, indices: Tensor, /, *, axis: int = 0) -> Tensor:
    along = axis_of(axis, x.dim())
    size = x.shape[along]
    sized([*x.shape[:along], *indices.shape, *x.shape[along + 1 :]])
    flat = _indices(indices, size).reshape(-1)
    picked = x.index_select(along, flat)
    return picked.reshape([*x.shape[:along], *indices.shape, *x.shape[along + 1 :]])


def gather_elements(x: Tensor, indices: Tensor, /, *, axis: int = 0) -> Tensor:
    along = axis_of(axis, x.dim())
    return x.gather(along, _indices(indices, x.shape[along]))


def gather_nd(x: Tensor, indices: Tensor, /, *, batch_dims: int = 0) -> Tensor:
    if batch_dims or not indices.dim() or indices.shape[-1] > x.dim():
        raise ShapeError("it gathers along batch dimensions, or along more dimensions than there are")
    depth = indices.shape[-1]
    sized([*indices.shape[:-1], *x.shape[depth:]])
    return x[tuple(_indices(part, size) for part, size in zip(indices.unbind(-1), x.shape, strict=False))]


def _indices(indices: Tensor, size: int) -> Tensor:
    """Indices from 0. Raises ShapeError for one that is outside."""
    if indices.dtype not in (torch.int32, torch.int64):
        raise ShapeError(f"indices are int32 or int64, got {indices.dtype}")
    if indices.numel() and not -size <= int(indices.min()) <= int(indices.max()) < size:
        raise ShapeError(
            f"indices go from {int(indices.min())} to {int(indices.max())}, and there are {size} entries"
        )
    long = indices.long()
    return torch.where(long < 0, long + size, long)


def expand(x: Tensor, shape: Tensor, /) -> Tensor:
    dims = _ints(shape)
    sizes = [1] * (len(dims) - x.dim()) + list(x.shape)
    dims = [1] * (len(sizes) - len(dims)) + dims
    if any(a != b and 1 not in (a, b) for a, b in zip(sizes, dims, strict=True)):
        raise ShapeError(f"{list(x.shape)} cannot be expanded to {_ints(shape)}")
    return x.expand(sized([b if a == 1 else a for a, b in zip(sizes, dims, strict=True)]))


def tile(x: Tensor, repeats: Tensor, /) -> Tensor:
    counts = _ints(repeats)
    if len(counts) != x.dim():
        raise ShapeError(f"{len(counts)} repeats for {x.dim()} dimensions")
    sized([size * count for size, count in zip(x.shape, counts, strict=True)])
    return x.repeat(counts)


def range_(start: Tensor, limit: Tensor, delta: Tensor, /) -> Tensor:
    if {start.numel(), limit.numel(), delta.numel()} != {1} or len(
        {start.dtype, limit.dtype, delta.dtype}
    ) != 1:
        raise ShapeError("it takes three single numbers of one kind")
    first, last, step = (tensor.detach().item() for tensor in (start, limit, delta))
    if not step or not all(map(math.isfinite, (first, last, step))):
        raise ShapeError(f"there is no range from {first} to {last} by {step}")
    count = max(math.ceil((last - first) / step), 0)
    sized([count])
    return first + torch.arange(count, dtype=start.dtype) * step


def where(condition: Tensor, x: Tensor, y: Tensor, /) -> Tensor:
    if condition.dtype is not torch.bool or x.dtype != y.dtype:
        raise ShapeError(
            f"it chooses by truth values between two of a kind, got {condition.dtype}, {x.dtype}, {y.dtype}"
        )
    broadcast(condition, x, y)
    return torch.where(condition, x, y)


def cast(x: Tensor, /, *, to: int, saturate: int = 1) -> Tensor:
    if to not in DTYPES or saturate != 1:
        raise ShapeError(f"it casts to ONNX's element type {to}, which is not read")
    return x.to(DTYPES[to])


def cast_like(x: Tensor, like: Tensor, /, *, saturate: int = 1) -> Tensor:
    return x.to(like.dtype)


def dropout(
    x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None, /,
    *, seed: int = 0, outputs: int,
) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """As at inference: it does nothing."""
    if training is not None and bool(training.any()):
        raise ShapeError("it is in training mode; export the model in evaluation mode")
    return x if outputs == 1 else (x, torch.ones_like(x, dtype=torch.bool))


def dropout_by_attribute(x: Tensor, /, *, ratio: float = 0.5, outputs: int) -> Tensor | tuple[Tensor, ...]:
    """Dropout until opset 11."""
    return dropout(x, outputs=outputs)


def pad(
    x: Tensor, given: Tensor | None = None, value_: Tensor | None = None, axes_: Tensor | None = None, /,
    *, mode: str = "constant", pads: list[int] | None = None, value: float = 0.0,
) -> Tensor:  # fmt: skip
    amounts = pads if given is None else integers(given)
    axes = (
        list(range(x.dim())) if axes_ is None else [axis_of(axis, x.dim()) for axis in integers(axes_) or []]
    )
    if amounts is None or len(amounts) != 2 * len(axes) or mode not in ("constant", "reflect", "edge"):
        raise ShapeError(
            f"it pads by {amounts} along {axes} in mode {mode!r}; constant, reflect and edge are known, of every axis"
        )
    by_axis = dict(zip(axes, zip(amounts[: len(axes)], amounts[len(axes) :], strict=True), strict=True))
    pairs = [by_axis.get(axis, (0, 0)) for axis in range(x.dim())]
    sized([size + before + after for size, (before, after) in zip(x.shape, pairs, strict=True)])
    if mode != "constant":
        return _mirrored(x, pairs, mode)
    fill = value if value_ is None else value_.detach().reshape(()).item()
    return f.pad(x, [amount for pair in reversed(pairs) for amount in pair], value=fill)


def _mirrored(x: Tensor, pairs: list[tuple[int, int]], mode: str) -> Tensor:
    """Padded by its own numbers: "reflect" goes back from the edge, "edge" repeats it."""
    for axis, (before, after) in enumerate(pairs):
        size = x.shape[axis]
        most = size - 1 if mode == "reflect" else size and max(before, after)
        if not 0 <= min(before, after) <= max(before, after) <= most:
            raise ShapeError(
                f"it pads an axis of {size} by {before} and {after} in mode {mode!r}, which takes 0 to {most}"
            )
        places = torch.arange(-before, size + after, device=x.device)
        if mode == "reflect":
            places = size - 1 - (size - 1 - places.abs()).abs()
        x = x.index_select(axis, places.clamp(0, max(size - 1, 0)))
    return x


def one_hot(indices: Tensor, depth: Tensor, values: Tensor, /, *, axis: int = -1) -> Tensor:
    size = integer(depth.long())
    along = axis_of(axis, indices.dim() + 1)
    sized([*indices.shape, size])
    whole = indices.long()
    hot = torch.where(whole < 0, whole + size, whole).unsqueeze(along)
    places = torch.arange(size, device=indices.device).reshape(
        [-1 if d == along else 1 for d in range(hot.dim())]
    )
    return torch.where(hot == places, values[1], values[0])


def reverse_sequence(x: Tensor, lengths: Tensor, /, *, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    if (
        {batch_axis, time_axis} != {0, 1}
        or x.dim() < 2
        or lengths.shape != x.shape[batch_axis : batch_axis + 1]
    ):
        raise ShapeError("it reverses rows along axes 0 and 1, with one length a row")
    rows = x if time_axis == 0 else x.transpose(0, 1)
    if lengths.numel() and not 0 <= int(lengths.min()) <= int(lengths.max()) <= len(rows):
        raise ShapeError(
            f"lengths go from {int(lengths.min())} to {int(lengths.max())}, of {len(rows)} steps"
        )
    from ...convert.layers import flip_rows

    flipped = flip_rows(rows, lengths.long())
    return flipped if time_axis == 0 else flipped.transpose(0, 1)


def _ints(tensor: Tensor) -> list[int]:
    return integers(tensor) or []


SHAPING: Mapping[str, Callable[..., Any]] = {
    "Cast": cast, "CastLike": cast_like, "Concat": concat, "Constant": constant, "ConstantOfShape": constant_of_shape,
    "Dropout": dropout, "Expand": expand, "Flatten": flatten, "Gather": gather, "GatherElements": gather_elements,
    "GatherND": gather_nd, "OneHot": one_hot, "Pad": pad, "Range": range_, "Reshape": reshape,
    "ReverseSequence": reverse_sequence, "Shape": shape_of, "Size": size_of, "Slice": slice_, "Split": split,
    "Squeeze": squeeze, "Tile": tile, "Transpose": transpose, "Unsqueeze": unsqueeze, "Where": where,
}  # fmt: skip
# By operator: until which opset, and what it was then.
OLDER: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "Slice": (9, slice_by_attributes), "Dropout": (11, dropout_by_attribute),
}  # fmt: skip
