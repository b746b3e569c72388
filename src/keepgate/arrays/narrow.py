"""NarrowMatrix: a weight matrix in bfloat16, or in int8 with a float32 scale for each row, and its numbers widened."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
WeightFormat = Literal["bfloat16", "int8"]
WEIGHT_FORMATS: tuple[WeightFormat, ...] = ("bfloat16", "int8")
# The core's numbers of the types whose weights are narrow.
CORE_TYPES: dict[str, int] = {"bfloat16": 2, "int8": 3}
# The matrices among a layer's parameters; a diagonal weight_hh is none, and biases and vectors stay in float32.
MATRICES = ("weight_ih", "weight_hh", "weight_hr")
_LARGEST = 127


@dataclass(frozen=True, eq=False)
class NarrowMatrix:
    """A matrix [rows, columns]. numbers: int8, or the bits of bfloat16 as uint16. scale: [rows], of int8 only."""

    numbers: Array
    scale: NDArray[np.float32] | None = None

    @staticmethod
    def of(matrix: NDArray[np.float32], weights: WeightFormat) -> "NarrowMatrix":
        """A finite matrix in this format, each number rounded to the nearest, ties to even.

        In int8 a row's largest number is 127 or -127 times its scale; a row of zeros has the scale 1.
        """
        if weights == "bfloat16":
            bits = np.ascontiguousarray(matrix).view(np.uint32)
            return NarrowMatrix(((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16))
        largest = np.abs(matrix).max(1, initial=0.0)
        scale = (largest / np.float32(_LARGEST)).astype(np.float32)
        scale[scale < np.finfo(np.float32).tiny] = 1
        rounded = np.rint(matrix / scale[:, None]).clip(-_LARGEST, _LARGEST)
        return NarrowMatrix(rounded.astype(np.int8), scale)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.numbers.shape
        return rows, columns

    @property
    def weights(self) -> WeightFormat:
        """The format."""
        return "bfloat16" if self.scale is None else "int8"

    def widened(self) -> NDArray[np.float32]:
        """The numbers in float32, exactly those of bfloat16, those of int8 times the scale of their row."""
        if self.scale is None:
            return (self.numbers.astype(np.uint32) << 16).view(np.float32)
        return self.numbers.astype(np.float32) * self.scale[:, None]

    def for_packing(self) -> NDArray[np.float32]:
        """What the core packs: the numbers in float32, of int8 the whole ones with the scale of each row behind."""
        if self.scale is None:
            return self.widened()
        return np.concatenate([self.numbers.ravel().astype(np.float32), self.scale])


def overflows(matrix: NDArray[np.float32]) -> bool:
    """Whether a finite number of the matrix is too large for bfloat16, which rounds it to infinity."""
    return bool((np.abs(matrix) >= np.float32(3.3961775e38)).any())


def stored_names(name: str, weights: WeightFormat) -> tuple[str, ...]:
    """The names under which a matrix of this name lies in files and among a module's buffers."""
    return (f"{name}_int8", f"{name}_scale") if weights == "int8" else (f"{name}_bfloat16",)


def narrow_names(names: Iterable[str]) -> dict[str, WeightFormat]:
    """The matrices that are stored narrow, by the names of all tensors of a file."""
    return {
        name.removesuffix(f"_{weights}"): weights
        for name in names
        for weights in WEIGHT_FORMATS
        if name.endswith(f"_{weights}")
    }
