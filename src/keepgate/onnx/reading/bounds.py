"""What a node may make out of a few numbers: sizes are looked at before anything is allocated."""

import math
from collections.abc import Sequence

from torch import Tensor

from ...errors import ShapeError

# A tensor of float32 of half a gigabyte.
LARGEST = 1 << 27


def sized(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape. Raises ShapeError where a node would make more of it than `LARGEST` numbers."""
    if any(size < 0 for size in shape) or math.prod(shape) > LARGEST:
        raise ShapeError(
            f"it asks for a tensor of {list(shape)}, and may make {LARGEST:,} numbers; use smaller inputs"
        )
    return tuple(shape)


def broadcast(*tensors: Tensor) -> None:
    """Raises ShapeError where shapes do not go together, or together are larger than `LARGEST`."""
    longest = max(tensor.dim() for tensor in tensors)
    sizes = [[1] * (longest - tensor.dim()) + list(tensor.shape) for tensor in tensors]
    result = []
    for dims in zip(*sizes, strict=True):
        extents = {size for size in dims if size != 1}
        if len(extents) > 1:
            raise ShapeError(
                f"shapes {', '.join(str(list(tensor.shape)) for tensor in tensors)} do not go together"
            )
        result.append(extents.pop() if extents else 1)
    # What is no larger than one of them is as large as what there is already.
    if math.prod(result) > max(tensor.numel() for tensor in tensors):
        sized(result)


def integers(tensor: Tensor | None, most: int = 64) -> list[int] | None:
    """A short list of whole numbers that a node is given as a tensor, such as axes; None for None."""
    if tensor is None:
        return None
    if tensor.is_floating_point() or tensor.dim() > 1 or tensor.numel() > most:
        raise ShapeError(f"expected a few whole numbers, got {tensor.dtype} of shape {list(tensor.shape)}")
    values = tensor.reshape(-1).tolist()
    return [int(value) for value in values]


def integer(tensor: Tensor) -> int:
    """One whole number."""
    values = integers(tensor.reshape(-1), most=1)
    if not values:
        raise ShapeError("expected one whole number, got none")
    return values[0]


def axis_of(axis: int, dims: int) -> int:
    """An axis counted from 0. Raises ShapeError for one that is not there."""
    if not -dims <= axis < max(dims, 1):
        raise ShapeError(f"there is no axis {axis} in {dims} dimensions")
    return axis % max(dims, 1)


def axes_of(axes: Sequence[int], dims: int) -> list[int]:
    """Axes counted from 0, in order. Raises ShapeError for one that is not there or there twice."""
    sorted_axes = sorted(axis_of(axis, dims) for axis in axes)
    if len(set(sorted_axes)) < len(sorted_axes):
        raise ShapeError(f"the axes {list(axes)} name one of {dims} dimensions twice")
    return sorted_axes
