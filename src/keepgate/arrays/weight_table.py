"""WeightTable: the tensors of a file, taken by name and in the shape that they must have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class WeightTable:
    """What takes from it lists in `forms` what it needs: by name the shape, and the dtype.

    tensors: the arrays by name. None stands for a file that has not been read yet: each array then is one zero, spread
    over its shape, and takes no memory, so that a model can be built only to learn what it needs.
    """

    def __init__(self, tensors: Mapping[str, Array] | None = None, *, dtype: str = "float32") -> None:
        self.forms: dict[str, tuple[tuple[int, ...], str]] = {}
        self._tensors, self._dtype, self._prefix = tensors, dtype, ""

    def take(self, name: str, *shape: int) -> Array:
        """The array of this name."""
        name = self._prefix + name
        self.forms[name] = shape, self._dtype
        if self._tensors is None:
            return np.broadcast_to(np.zeros((), self._dtype), shape)
        return self._tensors[name]

    def take_linear(self, name: str, inputs: int, outputs: int) -> tuple[Array, Array]:
        """Weight [outputs, inputs] and bias [outputs] of a linear layer."""
        return self.take(f"{name}.weight", outputs, inputs), self.take(f"{name}.bias", outputs)

    def within(self, name: str) -> "WeightTable":
        """The same table, whose names continue this one: `within("encoder").take("layer")` is encoder.layer."""
        part = WeightTable(self._tensors, dtype=self._dtype)
        part.forms, part._prefix = self.forms, f"{self._prefix}{name}."
        return part
