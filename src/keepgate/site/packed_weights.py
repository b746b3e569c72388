"""Packed weights, in one byte or in three a number where that loses nothing, as text that a script can carry."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..demo.short_weights import LEVELS
from ..errors import BundleError

SHORT_BITS = 24


def fit_bytes(tensors: Mapping[str, NDArray[np.float32]]) -> bool:
    """Whether `packed` loses nothing of these tensors."""
    return all(_in_steps(tensor)[2] for tensor in tensors.values() if tensor.ndim == 2)


def packed(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, dict[str, Any]]:
    """Each tensor as {"shape", "numbers"} and, for a matrix, "steps": its rows are whole numbers times a step each.

    A vector is float32 itself. Raises BundleError for a matrix whose rows are no such multiples.
    """
    return {
        name: _matrix(name, tensor) if tensor.ndim == 2 else _vector(tensor)
        for name, tensor in tensors.items()
    }


def shortened(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, dict[str, Any]]:
    """Each tensor as {"shape", "short"}: of its numbers, in float32, all bytes but the lowest, which is 0.

    Raises BundleError for a tensor of other numbers.
    """
    return {name: _short(name, tensor) for name, tensor in tensors.items()}


def _short(name: str, tensor: NDArray[np.float32]) -> dict[str, Any]:
    parts = np.ascontiguousarray(tensor, "<f4").view(np.uint8).reshape(-1, 4)
    if parts[:, 0].any():
        raise BundleError(
            f"{name} has numbers of more than {SHORT_BITS} bits; round them by keepgate.demo.short_weights"
        )
    return {"shape": list(tensor.shape), "short": _text(parts[:, 1:])}


def _vector(tensor: NDArray[np.float32]) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "numbers": _text(tensor.astype("<f4"))}


def _in_steps(matrix: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    """A matrix as whole numbers and each row's step, and whether it is exactly their product."""
    largest = np.abs(matrix).max(1)
    step = largest / np.float32(LEVELS)
    # The largest number of a row is 127 steps, rounded: the step is that number's 127th, or its neighbour.
    for candidate in (step, np.nextafter(step, np.float32(0)), np.nextafter(step, np.float32(np.inf))):
        fits = _whole(matrix, candidate)[1]
        step = np.where(fits, candidate, step)
    numbers, fits = _whole(matrix, step)
    return numbers, step, bool(fits.all())


def _matrix(name: str, matrix: NDArray[np.float32]) -> dict[str, Any]:
    numbers, step, fits = _in_steps(matrix)
    if not fits:
        raise BundleError(
            f"{name} is not in whole multiples of a step a row; train the network again with "
            "python -m keepgate.demo.train_open_networks"
        )
    return {
        "shape": list(matrix.shape),
        "numbers": _text(numbers.astype(np.int8)),
        "steps": _text(step.astype("<f4")),
    }


def _whole(
    matrix: NDArray[np.float32], step: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The nearest whole multiples of each row's step, and which rows they are exactly."""
    divisor = np.where(step > 0, step, 1).astype(np.float32)[:, None]
    numbers: NDArray[np.float32] = np.round(matrix / divisor).astype(np.float32)
    fits: NDArray[np.bool_] = np.all(numbers * divisor == matrix, axis=1)
    return numbers, fits


def _text(array: NDArray[Any]) -> str:
    return base64.b85encode(array.tobytes()).decode()
