"""WeightTable: the tensors of a file, taken by name and in the shape that they must have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .narrow import NarrowMatrix, WeightFormat, stored_names

Array = NDArray[Any]


class WeightTable:
    """What takes from it lists in `forms` what it needs: by name the shape, and the dtype.

    tensors: the arrays by name. None stands for a file that has not been read yet: each array then is one zero, spread
    over its shape, and takes no memory, so that a model can be built only to learn what it needs.
    narrow: the matrices that the file has in a narrow format, by name.
    """

    def __init__(
        self,
        tensors: Mapping[str, Array] | None = None,
        *,
        dtype: str = "float32",
        narrow: Mapping[str, WeightFormat] | None = None,
    ) -> None:
        self.forms: dict[str, tuple[tuple[int, ...], str]] = {}
        self._tensors, self._dtype, self._prefix, self._narrow = tensors, dtype, "", narrow or {}

    def take(self, name: str, *shape: int) -> Array:
        """The array of this name, widened where it is stored narrow."""
        stored = self.take_stored(name, *shape)
        return stored.widened() if isinstance(stored, NarrowMatrix) else stored

    def take_stored(self, name: str, *shape: int) -> Array | NarrowMatrix:
        """The array of this name as it is stored."""
        name = self._prefix + name
        if (weights := self._narrow.get(name)) is None:
            return self._take(name, self._dtype, shape)
        if weights == "int8":
            numbers, scale = (
                self._take(stored, kind, size)
                for stored, kind, size in zip(
                    stored_names(name, weights), ("int8", "float32"), (shape, shape[:1]), strict=True
                )
            )
            return NarrowMatrix(numbers, scale)
        return NarrowMatrix(self._take(stored_names(name, weights)[0], "bfloat16", shape))

    def _take(self, name: str, dtype: str, shape: tuple[int, ...]) -> Array:
        self.forms[name] = shape, dtype
        if self._tensors is None:
            return np.broadcast_to(np.zeros((), "uint16" if dtype == "bfloat16" else dtype), shape)
        return self._tensors[name]

    def take_linear(self, name: str, inputs: int, outputs: int) -> tuple[Array, Array]:
        """Weight [outputs, inputs] and bias [outputs] of a linear layer."""
        return self.take(f"{name}.weight", outputs, inputs), self.take(f"{name}.bias", outputs)

    def within(self, name: str) -> "WeightTable":
        """The same table, whose names continue this one: `within("encoder").take("layer")` is encoder.layer."""
        part = WeightTable(self._tensors, dtype=self._dtype, narrow=self._narrow)
        part.forms, part._prefix = self.forms, f"{self._prefix}{name}."
        return part
