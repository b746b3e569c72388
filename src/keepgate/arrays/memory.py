"""Arrays as the C++ core reads them: addresses, strides and alignment."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SettingsError, ShapeError

Array = NDArray[Any]
DTYPE_NUMBERS = {np.dtype(np.float32): 0, np.dtype(np.float64): 1}
_ALIGNMENT = 64  # bytes; the core's widest register


def aligned_bytes(count: int) -> NDArray[np.uint8]:
    """So many uninitialised bytes from an address that the core accepts."""
    block = np.empty(count + _ALIGNMENT, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT
    return block[start : start + count]


def address(array: Array | None) -> int:
    """Where an array's numbers begin; 0 for none."""
    return 0 if array is None else array.ctypes.data


def address_and_strides(array: Array) -> tuple[int, int, int]:
    """(Address, stride of a step, stride of a row) of [time, batch, units], strides in elements."""
    step, row, _ = array.strides
    return array.ctypes.data, step // array.itemsize, row // array.itemsize


def unit_stride(array: Array) -> Array:
    """[time, batch, units] with the units side by side; the strides of steps and rows are free, but whole elements."""
    whole = all(stride % array.itemsize == 0 for stride in array.strides[:2])
    beside = array.strides[2] == array.itemsize or array.shape[2] == 1
    return array if whole and beside and array.flags.aligned else np.ascontiguousarray(array)


def checked_lengths(lengths: Any, steps: int, rows: int) -> NDArray[np.int64]:
    """Lengths as the core reads them. Raises ShapeError for other counts, or for one out of range."""
    checked = np.ascontiguousarray(lengths)
    if checked.shape != (rows,) or checked.dtype.kind not in "iu":
        raise ShapeError(
            f"lengths are {checked.dtype} of shape {list(checked.shape)}; give one whole number for each of the {rows} "
            "rows"
        )
    if rows and (checked.min() < 0 or checked.max() > steps):
        raise ShapeError(
            f"lengths go from {checked.min()} to {checked.max()}, but the input has {steps} steps; they must be 0 to "
            f"{steps}"
        )
    return checked.astype(np.int64, copy=False)


def thread_count(threads: int | None) -> int:
    """Threads of a call: as many as are asked for, or for None as many as this process may use processors.

    Raises SettingsError for less than 1.
    """
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads < 1:
        raise SettingsError(f"threads is {threads}; it must be 1 or more, or None for all processors")
    return threads
