"""The functions of a network's head on numpy arrays, as torch.nn.functional has them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# numpy has no error function; heads have a few thousand numbers at most.
_erf = np.frompyfunc(math.erf, 1, 1)


def quiet() -> np.errstate:
    """Numbers beyond all measure without a warning of numpy's: scores that are not finite are refused in words."""
    return np.errstate(over="ignore", invalid="ignore")


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x W^T + b. weight: [outputs, inputs]."""
    product: Array = x @ weight.T
    return product if bias is None else product + bias


def relu(x: Array) -> Array:
    """x where it is above 0, else 0."""
    positive: Array = np.maximum(x, 0)
    return positive


def gelu(x: Array) -> Array:
    """x times the normal distribution's share below it. Hendrycks & Gimpel (2016), arXiv:1606.08415."""
    below = 0.5 * (1 + np.asarray(_erf(x * math.sqrt(0.5)), np.float64))
    shared: Array = (x * below).astype(x.dtype)
    return shared


def softmax(x: Array, axis: int) -> Array:
    """e^x, divided by its sum along the axis."""
    powers: Array = np.exp(x - x.max(axis, keepdims=True))
    powers /= powers.sum(axis, keepdims=True)
    return powers


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(np.zeros_like(x), -x))


def logsumexp(x: Array, axis: int) -> Array:
    """The logarithm of the sum of e^x along the axis."""
    most = x.max(axis, keepdims=True)
    total: Array = np.log(np.exp(x - most).sum(axis)) + most.squeeze(axis)
    return total
