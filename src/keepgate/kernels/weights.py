"""Weights: those of one layer and direction, looked at once, and known again while nothing about them has changed."""

from operator import attrgetter, is_
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.nn import Parameter

from ..equations import Cell
from ..errors import ShapeError

_nature = attrgetter("shape", "dtype", "requires_grad")


class Weights:
    """The weights of one layer and direction. Raises ShapeError where one does not fit the cell or the others.

    given:     all of them, in the order of the arguments, None for one that there is not. tensors: those there are.
    states:    units of each of the cell's states.
    dtype:     what all of them have, or None where they differ.
    plain:     whether all are numbers in this machine's memory and nothing else.
    needed:    whether any needs a gradient.
    addresses: of all that were given, 0 for none, once `note` has found that they can be known again.
    """

    def __init__(
        self,
        cell: Cell,
        weight_ih: Tensor,
        weight_hh: Tensor | None,
        bias_ih: Tensor | None = None,
        bias_hh: Tensor | None = None,
        weight_hr: Tensor | None = None,
        vectors: tuple[Tensor, ...] = (),
    ) -> None:
        blocks, self.input_size = weight_ih.shape[0], weight_ih.shape[-1]
        hidden = self.hidden_size = blocks // len(cell.gates)
        output = self.output_size = hidden if weight_hr is None else weight_hr.shape[0]
        given = (weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *vectors)
        expected: list[tuple[int, ...] | None] = [
            (len(cell.gates) * hidden, self.input_size),
            {"diagonal": (blocks,), "none": None}.get(cell.recurrent, (blocks, output)),
            None if bias_ih is None else (blocks,),
            None if bias_hh is None else (blocks,),
            None if weight_hr is None else (output, hidden),
            *[(hidden,)] * len(cell.vectors),
        ]
        if [None if tensor is None else tensor.shape for tensor in given] != expected:
            _refuse(cell, given, expected)
        self.cell, self.vectors = cell, vectors
        self.states = (output, *[hidden] * (len(cell.states) - 1))
        self.weight_ih, self.weight_hh, self.weight_hr = weight_ih, weight_hh, weight_hr
        self.bias_ih, self.bias_hh = bias_ih, bias_hh
        self.tensors = [tensor for tensor in given if tensor is not None]
        self.dtype: torch.dtype | None = weight_ih.dtype
        self.plain, self.needed = True, False
        for tensor in self.tensors:
            self.plain = self.plain and is_plain(tensor)
            self.needed = self.needed or tensor.requires_grad
            if tensor.dtype is not weight_ih.dtype:
                self.dtype = None
        self.given = given
        self.addresses: tuple[int, ...] | None = None

    def note(self) -> bool:
        """Notes what the weights are, so that they can be known again. Whether they can: they must be parameters."""
        if not all(type(tensor) is Parameter and tensor.is_contiguous() for tensor in self.tensors):
            return False
        self._natures = list(map(_nature, self.tensors))
        self._pointers = list(map(Tensor.data_ptr, self.tensors))
        self.addresses = tuple([0 if tensor is None else tensor.data_ptr() for tensor in self.given])
        return True

    def still(self, now: list[Any]) -> bool:
        """Whether these are the very tensors that `note` noted, as they were then but for their numbers."""
        return (
            self.addresses is not None
            and all(map(is_, now, self.tensors))
            and list(map(Tensor.data_ptr, now)) == self._pointers
            and list(map(_nature, now)) == self._natures
            and all(map(Tensor.is_contiguous, now))
        )


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is numbers in this machine's memory, and torch computes with it as with any other."""
    return type(tensor) in (Tensor, Parameter) and tensor.is_cpu and tensor.layout is torch.strided


_MEANINGS = {
    "weight_ih": "[gates · hidden, input]",
    "weight_hh": "[gates · hidden, output], [gates · hidden] if the cell is diagonal, None if it has no recurrence",
    "bias_ih": "[gates · hidden]",
    "bias_hh": "[gates · hidden]",
    "weight_hr": "[projected, hidden]",
}


def _refuse(cell: Cell, given: tuple[Tensor | None, ...], expected: list[tuple[int, ...] | None]) -> NoReturn:
    """Says of the first weight that does not fit what it is and what it should be."""
    if len(given) != len(expected):
        found, wanted = len(given) - len(_MEANINGS), len(cell.vectors)
        misfit("vectors", found, wanted, f"one for each of {', '.join(cell.vectors) or 'none'}")
    meanings = _MEANINGS | dict.fromkeys(cell.vectors, "[hidden]")
    for (name, meaning), tensor, shape in zip(meanings.items(), given, expected, strict=True):
        is_shape = None if tensor is None else tuple(tensor.shape)
        if is_shape != shape:
            misfit(name, is_shape, shape, meaning)
    raise AssertionError("all of them fit")


def misfit(name: str, given: object, expected: object, meaning: str) -> NoReturn:
    raise ShapeError(
        f"{name}: got {given}, expected {expected} ({meaning}); build the call from one layer's own weights"
    )
