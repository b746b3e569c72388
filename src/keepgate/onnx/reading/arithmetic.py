"""ONNX's operators of arithmetic on tensors, each a function of its inputs with the node's attributes as keywords."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as f

from ...errors import ShapeError
from .bounds import axes_of, axis_of, broadcast, integer, integers, sized


def _unary(function: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor, /) -> Tensor:
        result = function(x)
        if result.dtype != x.dtype and result.dtype is not torch.bool:
            raise ShapeError(f"it takes floating-point numbers, got {x.dtype}")
        return result

    return run


def _binary(function: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    def run(a: Tensor, b: Tensor, /) -> Tensor:
        _same_kind(a, b)
        return function(a, b)

    return run


def _variadic(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    pair = _binary(function)

    def run(*inputs: Tensor) -> Tensor:
        return reduce(pair, inputs)

    return run


def _same_kind(*tensors: Tensor) -> None:
    if len({tensor.dtype for tensor in tensors}) > 1:
        raise ShapeError(f"its inputs are of different kinds, {', '.join(str(t.dtype) for t in tensors)}")
    broadcast(*tensors)


def _floating(*tensors: Tensor | None) -> None:
    for tensor in tensors:
        if tensor is not None and not tensor.is_floating_point():
            raise ShapeError(f"it takes floating-point numbers, got {tensor.dtype}")


def divide(a: Tensor, b: Tensor, /) -> Tensor:
    _same_kind(a, b)
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def power(a: Tensor, b: Tensor, /) -> Tensor:
    broadcast(a, b)
    return torch.pow(a, b).to(a.dtype)


def modulo(a: Tensor, b: Tensor, /, *, fmod: int = 0) -> Tensor:
    _same_kind(a, b)
    return torch.fmod(a, b) if fmod else torch.remainder(a, b)


def mean(*inputs: Tensor) -> Tensor:
    _floating(*inputs)
    return _variadic(torch.add)(*inputs) / len(inputs)


def leaky_relu(x: Tensor, /, *, alpha: float = 0.01) -> Tensor:
    _floating(x)
    return f.leaky_relu(x, alpha)


def elu(x: Tensor, /, *, alpha: float = 1.0) -> Tensor:
    _floating(x)
    return f.elu(x, alpha)


def selu(x: Tensor, /, *, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Tensor:
    _floating(x)
    return gamma * f.elu(x, alpha)


def hard_sigmoid(x: Tensor, /, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    _floating(x)
    return (alpha * x + beta).clamp(0, 1)


def gelu(x: Tensor, /, *, approximate: str = "none") -> Tensor:
    return f.gelu(x, approximate=approximate)


def prelu(x: Tensor, slope: Tensor, /) -> Tensor:
    _same_kind(x, slope)
    return torch.where(x < 0, slope * x, x)


def clip(
    x: Tensor, low: Tensor | None = None, high: Tensor | None = None, /,
    *, min: float | None = None, max: float | None = None,
) -> Tensor:  # fmt: skip
    for bound in (low, high):
        if bound is not None and (bound.numel() != 1 or bound.dtype != x.dtype):
            raise ShapeError(f"its bounds are single numbers of {x.dtype}")
    low = x.new_tensor(min) if low is None and min is not None else low
    high = x.new_tensor(max) if high is None and max is not None else high
    x = x if low is None else torch.maximum(x, low.reshape(()))
    return x if high is None else torch.minimum(x, high.reshape(()))


def matmul(a: Tensor, b: Tensor, /) -> Tensor:
    if a.dtype != b.dtype or not a.dim() or not b.dim():
        raise ShapeError(f"it multiplies matrices of one kind, got {a.dtype} and {b.dtype}")
    rows, columns = a.shape[:-1][-1:], b.shape[1:][-1:]
    batch = a.shape[:-2] if a.dim() >= b.dim() else b.shape[:-2]
    sized([*batch, *rows, *columns])
    return a @ b


def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None, /,
    *, alpha: float = 1.0, beta: float = 1.0, transA: int = 0, transB: int = 0,
) -> Tensor:  # fmt: skip
    if a.dim() != 2 or b.dim() != 2 or a.dtype != b.dtype:
        raise ShapeError(f"it multiplies two matrices of one kind, got {list(a.shape)} and {list(b.shape)}")
    a, b = a.T if transA else a, b.T if transB else b
    sized([len(a), b.shape[1]])
    product = a @ b if alpha == 1 else alpha * (a @ b)
    if c is None:
        return product
    _same_kind(product, c)
    return (product + (c if beta == 1 else beta * c)).expand_as(product)


def softmax(x: Tensor, /, *, axis: int | None = None, opset: int) -> Tensor:
    return _softmax(torch.softmax, x, axis, opset)


def log_softmax(x: Tensor, /, *, axis: int | None = None, opset: int) -> Tensor:
    return _softmax(torch.log_softmax, x, axis, opset)


def _softmax(function: Callable[[Tensor, int], Tensor], x: Tensor, axis: int | None, opset: int) -> Tensor:
    _floating(x)
    if opset >= 13:
        return function(x, axis_of(-1 if axis is None else axis, x.dim()))
    # Until opset 12 over all dimensions from the axis on.
    first = axis_of(1 if axis is None else axis, x.dim())
    return function(x.flatten(first) if first < x.dim() else x, -1).reshape(x.shape)


def cumsum(x: Tensor, axis: Tensor, /, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    along = axis_of(integer(axis), x.dim())
    values = x.flip(along) if reverse else x
    total = values.cumsum(along, dtype=x.dtype)
    total = total - values if exclusive else total
    return total.flip(along) if reverse else total


def arg_max(x: Tensor, /, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return _arg(torch.argmax, x, axis, keepdims, select_last_index)


def arg_min(x: Tensor, /, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return _arg(torch.argmin, x, axis, keepdims, select_last_index)


def _arg(function: Callable[..., Tensor], x: Tensor, axis: int, keepdims: int, last: int) -> Tensor:
    along = axis_of(axis, x.dim())
    if last:
        return x.shape[along] - 1 - function(x.flip(along), along, keepdim=bool(keepdims))
    return function(x, along, keepdim=bool(keepdims))


def _reduction(function: Callable[[Tensor, list[int], bool], Tensor]) -> Callable[..., Tensor]:
    def run(
        x: Tensor, given: Tensor | None = None, /,
        *, axes: list[int] | None = None, keepdims: int = 1, noop_with_empty_axes: int = 0,
    ) -> Tensor:  # fmt: skip
        over = axes if given is None else integers(given)
        if not over and noop_with_empty_axes:
            return x
        return function(x, axes_of(over or range(x.dim()), x.dim()), bool(keepdims)).to(x.dtype)

    return run


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in reversed(axes):
        x = x.prod(axis, keepdim=keep)
    return x


def _average(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    _floating(x)
    return x.mean(axes, keep)


_UNARY: Mapping[str, Callable[..., Tensor]] = {
    "Abs": torch.abs, "Ceil": torch.ceil, "Cos": torch.cos, "Erf": torch.erf, "Exp": torch.exp,
    "Floor": torch.floor, "HardSwish": f.hardswish, "Identity": lambda x: x, "IsNaN": torch.isnan,
    "Log": torch.log, "Mish": f.mish, "Neg": torch.neg, "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal, "Relu": torch.relu, "Round": torch.round, "Sigmoid": torch.sigmoid,
    "Sign": torch.sign, "Sin": torch.sin, "Softplus": f.softplus, "Softsign": f.softsign, "Sqrt": torch.sqrt,
    "Tan": torch.tan, "Tanh": torch.tanh,
}  # fmt: skip
_BINARY: Mapping[str, Callable[..., Tensor]] = {
    "Add": torch.add, "And": torch.logical_and, "Equal": torch.eq, "Greater": torch.gt,
    "GreaterOrEqual": torch.ge, "Less": torch.lt, "LessOrEqual": torch.le, "Mul": torch.mul,
    "Or": torch.logical_or, "Sub": torch.sub, "Xor": torch.logical_xor,
}  # fmt: skip

ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    **{name: _unary(function) for name, function in _UNARY.items()},
    **{name: _binary(function) for name, function in _BINARY.items()},
    "Sum": _variadic(torch.add), "Max": _variadic(torch.maximum), "Min": _variadic(torch.minimum), "Mean": mean,
    "Div": divide, "Pow": power, "Mod": modulo, "LeakyRelu": leaky_relu, "Elu": elu, "Selu": selu,
    "HardSigmoid": hard_sigmoid, "Gelu": gelu, "PRelu": prelu, "Clip": clip, "MatMul": matmul, "Gemm": gemm,
    "Softmax": softmax, "LogSoftmax": log_softmax, "CumSum": cumsum, "ArgMax": arg_max, "ArgMin": arg_min,
    "ReduceSum": _reduction(torch.sum), "ReduceMean": _reduction(_average), "ReduceProd": _reduction(_product),
    "ReduceMax": _reduction(torch.amax), "ReduceMin": _reduction(torch.amin),
    "ReduceL1": _reduction(lambda x, axes, keep: x.abs().sum(axes, keep)),
    "ReduceL2": _reduction(lambda x, axes, keep: x.square().sum(axes, keep).sqrt()),
    "ReduceSumSquare": _reduction(lambda x, axes, keep: x.square().sum(axes, keep)),
    "ReduceLogSumExp": _reduction(torch.logsumexp),
}  # fmt: skip
