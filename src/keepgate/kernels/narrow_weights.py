"""NarrowWeights: one layer and direction's parameters with matrices stored narrow, for runs without gradients."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..arrays.narrow import NarrowMatrix, WeightFormat
from ..equations import Cell
from .weights import Weights


class NarrowWeights(Weights):
    """The core packs them once. Whoever asks for a matrix as a tensor gets one made of it now, in float32.

    matrices: by the names that `Call` has for them. others: the remaining parameters, in float32, and the cell's
    vectors.
    """

    def __init__(
        self,
        cell: Cell,
        matrices: Mapping[str, NarrowMatrix],
        others: Mapping[str, Tensor],
        vectors: tuple[Tensor, ...],
    ) -> None:
        forms: dict[str, Any] = {
            name: torch.zeros(()).expand(matrix.numbers.shape) for name, matrix in matrices.items()
        }
        parameters = {"weight_hh": None, **forms, **others}
        super().__init__(cell, **parameters, vectors=vectors)
        self._matrices, self._parameters = matrices, parameters
        self.narrow: WeightFormat = matrices["weight_ih"].weights
        self.trusted, self.addresses = True, (0,) * len(self._arguments)

    def matrix(self, place: int) -> NarrowMatrix | None:
        """The narrow matrix at this place among `arguments`; None for another parameter."""
        return self._matrices.get(self.NAMES[place]) if place < len(self.NAMES) else None

    def _argument(self, place: int) -> Tensor | None:
        matrix = self.matrix(place)
        return self._arguments[place] if matrix is None else torch.from_numpy(matrix.widened())

    @property
    def arguments(self) -> tuple[Tensor | None, ...]:
        """Every parameter in float32, the matrices widened."""
        return tuple([self._argument(place) for place in range(len(self._arguments))])

    @property
    def tensors(self) -> list[Tensor]:
        """Those that the layer has."""
        return [tensor for tensor in self.arguments if tensor is not None]

    def remember(self) -> bool:
        """True: nothing is looked at again."""
        return True

    def matches(self, tensors: list[Any]) -> bool:  # noqa: ARG002 - those of other weights
        """False: widened matrices are other tensors each time."""
        return False

    def packing_sources(self) -> tuple[NDArray[Any] | None, ...]:
        """What the core packs, in the order of `arguments`."""
        return tuple(
            [
                None if tensor is None else self._packing_source(place, tensor)
                for place, tensor in enumerate(self._arguments)
            ]
        )

    def _packing_source(self, place: int, tensor: Tensor) -> NDArray[Any]:
        matrix = self.matrix(place)
        return np.ascontiguousarray(tensor.detach().numpy()) if matrix is None else matrix.for_packing()
