"""ONNX's operators of other layers that stand around recurrent ones: normalisation, convolution, pooling."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as f

from ...errors import ShapeError
from .bounds import axis_of, sized

_CONV = {1: f.conv1d, 2: f.conv2d, 3: f.conv3d}
_MAX_POOL = {1: f.max_pool1d, 2: f.max_pool2d, 3: f.max_pool3d}


def layer_normalization(
    x: Tensor, scale: Tensor, bias: Tensor | None = None, /,
    *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The output, the mean and one over the standard deviation."""
    if stash_type != 1:
        raise ShapeError(f"stash_type={stash_type} is not known; its sums are of float32")
    over = list(range(axis_of(axis, x.dim()), x.dim()))
    mean = x.mean(over, keepdim=True)
    inverse = (x.var(over, correction=0, keepdim=True) + epsilon).rsqrt()
    normal = (x - mean) * inverse * scale
    return normal if bias is None else normal + bias, mean, inverse


def batch_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, /,
    *, epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0, spatial: int = 1, outputs: int,
) -> Tensor:  # fmt: skip
    if training_mode or outputs != 1 or spatial != 1:
        raise ShapeError("it is in training mode; export the model in evaluation mode")
    return f.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


def conv(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, /,
    *, auto_pad: str = "NOTSET", dilations: list[int] | None = None, group: int = 1,
    kernel_shape: list[int] | None = None, pads: list[int] | None = None, strides: list[int] | None = None,
) -> Tensor:  # fmt: skip
    dims, kernel = _spatial(x), list(weight.shape[2:])
    if kernel_shape not in (None, kernel):
        raise ShapeError(f"kernel_shape is {kernel_shape}, and its weight is {list(weight.shape)}")
    strides, dilations = _each(strides, dims, 1), _each(dilations, dims, 1)
    padded = _padded(x, auto_pad, pads, kernel, strides, dilations, 0.0)
    return _CONV[dims](padded, weight, bias, strides, 0, dilations, group)


def max_pool(
    x: Tensor, /, *, kernel_shape: list[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: list[int] | None = None, pads: list[int] | None = None, storage_order: int = 0,
    strides: list[int] | None = None, outputs: int,
) -> Tensor:  # fmt: skip
    dims = _spatial(x)
    if ceil_mode or storage_order or outputs != 1 or not x.is_floating_point():
        raise ShapeError("ceil_mode, storage_order, indices and whole numbers are not read")
    strides, dilations = _each(strides, dims, 1), _each(dilations, dims, 1)
    padded = _padded(x, auto_pad, pads, _each(kernel_shape, dims, 1), strides, dilations, -torch.inf)
    return _MAX_POOL[dims](padded, kernel_shape, strides, 0, dilations)


def global_average_pool(x: Tensor, /) -> Tensor:
    return x.mean(list(range(2, 2 + _spatial(x))), keepdim=True)


def global_max_pool(x: Tensor, /) -> Tensor:
    return x.amax(list(range(2, 2 + _spatial(x))), keepdim=True)


def _spatial(x: Tensor) -> int:
    if not 3 <= x.dim() <= 5:
        raise ShapeError(f"it takes [batch, channels, …] with 1 to 3 more dimensions, got {list(x.shape)}")
    return x.dim() - 2


def _each(values: list[int] | None, dims: int, default: int) -> list[int]:
    values = [default] * dims if values is None else values
    if len(values) != dims or any(value < 1 for value in values):
        raise ShapeError(f"{values} is not a number above 0 for each of {dims} dimensions")
    return values


def _padded(
    x: Tensor, auto_pad: str, pads: list[int] | None, kernel: list[int], strides: list[int], dilations: list[int],
    fill: float,
) -> Tensor:  # fmt: skip
    """With what an attribute puts before and after each dimension."""
    dims = len(kernel)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        amounts = []
        for size, k, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True):
            total = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
            before = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
            amounts.append((before, total - before))
    elif auto_pad in ("NOTSET", "VALID"):
        flat = [0] * 2 * dims if pads is None or auto_pad == "VALID" else pads
        if len(flat) != 2 * dims or any(amount < 0 for amount in flat):
            raise ShapeError(f"pads={pads} does not go with {dims} dimensions")
        amounts = list(zip(flat[:dims], flat[dims:], strict=True))
    else:
        raise ShapeError(f"auto_pad={auto_pad!r} is not known")
    sized([*x.shape[:2], *[size + sum(pair) for size, pair in zip(x.shape[2:], amounts, strict=True)]])
    return f.pad(x, [amount for pair in reversed(amounts) for amount in pair], value=fill)


NETWORK: Mapping[str, Callable[..., Any]] = {
    "BatchNormalization": batch_normalization, "Conv": conv, "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool, "LayerNormalization": layer_normalization, "MaxPool": max_pool,
}  # fmt: skip
