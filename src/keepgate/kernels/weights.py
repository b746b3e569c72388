"""One layer and direction's parameters, validated once; `matches` tells cheaply whether they can be used again."""

from operator import attrgetter, is_
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor
from torch.nn import Parameter

from ..arrays.narrow import WeightFormat
from ..equations import Cell
from ..errors import ShapeError
from .torch_internals import metadata_guard

_metadata = attrgetter("shape", "dtype", "requires_grad")


class Weights:
    """The parameters of one layer and direction. Raises ShapeError where one does not fit the cell or the others.

    arguments:     every parameter in the constructor's order, None for one that the layer lacks; tensors: the others.
    form:          a tensor of weight_ih's shape, dtype and device, whose numbers mean nothing.
    projected_size: units of the output after a projection, 0 without one.
    narrow:        the format in which matrices are stored narrow, for runs without gradients; None for tensors.
    x_width:       of x, whose columns weight_ih reads, or are unit inputs.
    states:        units of each of the cell's states.
    dtype:         of all tensors, or None where they differ.
    plain:         whether all are plain CPU tensors, see `is_plain`.
    requires_grad: whether any does.
    addresses:     data pointers of `arguments`, 0 for None, once `remember` has taken them.
    trusted:       whether their numbers never change again, so that they are packed once; packed: then, what they gave.
    """

    NAMES: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    narrow: WeightFormat | None = None

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
        if not torch.compiler.is_compiling():  # which knows no locks; the layer was checked when it was built
            cell.check_heads(hidden)
        self.x_width = self.input_size + len(cell.unit_inputs) * hidden
        output = self.output_size = hidden if weight_hr is None else weight_hr.shape[0]
        arguments = (weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, *vectors)
        expected: list[tuple[int, ...] | None] = [
            (len(cell.gates) * hidden, self.input_size),
            {"diagonal": (blocks,), "none": None}.get(cell.recurrent, (blocks, output)),
            None if bias_ih is None else (blocks,),
            None if bias_hh is None else (blocks,),
            None if weight_hr is None else (output, hidden),
            *[(hidden,)] * len(cell.vectors),
        ]
        if [None if tensor is None else tensor.shape for tensor in arguments] != expected:
            _raise_misfit(cell, arguments, expected)
        self.cell, self.vectors = cell, vectors
        self.states = (output, *[hidden] * (len(cell.states) - 1))
        self.form, self.projected_size = weight_ih, 0 if weight_hr is None else output
        self._arguments = arguments
        self._tensors = [tensor for tensor in arguments if tensor is not None]
        self.dtype: torch.dtype | None = weight_ih.dtype
        self.plain, self.requires_grad = True, False
        for tensor in self._tensors:
            self.plain = self.plain and is_plain(tensor)
            self.requires_grad = self.requires_grad or tensor.requires_grad
            if tensor.dtype is not weight_ih.dtype:
                self.dtype = None
        self.addresses: tuple[int, ...] | None = None
        self.trusted = False
        self.packed: Tensor | None = None

    def _argument(self, place: int) -> Tensor | None:
        return self._arguments[place]

    @property
    def arguments(self) -> tuple[Tensor | None, ...]:
        """Every parameter in the constructor's order."""
        return self._arguments

    @property
    def tensors(self) -> list[Tensor]:
        """Every parameter that the layer has."""
        return self._tensors

    @property
    def weight_ih(self) -> Tensor:
        """[gates · hidden, input]."""
        weight = self._argument(0)
        assert weight is not None
        return weight

    @property
    def weight_hh(self) -> Tensor | None:
        """[gates · hidden, output], [gates · hidden] if the cell is diagonal, None if it has no recurrence."""
        return self._argument(1)

    @property
    def bias_ih(self) -> Tensor | None:
        """[gates · hidden]."""
        return self._argument(2)

    @property
    def bias_hh(self) -> Tensor | None:
        """[gates · hidden]."""
        return self._argument(3)

    @property
    def weight_hr(self) -> Tensor | None:
        """[projected, hidden]."""
        return self._argument(4)

    def remember(self) -> bool:
        """Takes the tensors' metadata and addresses for `matches`; False if they are not contiguous parameters."""
        if not all(type(tensor) is Parameter and tensor.is_contiguous() for tensor in self._tensors):
            return False
        self._metadata = list(map(_metadata, self._tensors))
        self._same_metadata = metadata_guard(self._tensors)
        self._pointers = list(map(Tensor.data_ptr, self._tensors))
        self.addresses = tuple([0 if tensor is None else tensor.data_ptr() for tensor in self._arguments])
        return True

    def matches(self, tensors: list[Any]) -> bool:
        """Whether these are the very tensors that were remembered, unchanged but for their numbers."""
        if (
            self.addresses is None
            or not all(map(is_, tensors, self._tensors))
            or list(map(Tensor.data_ptr, tensors)) != self._pointers
        ):
            return False
        if self._same_metadata(*tensors):
            return True
        same = list(map(_metadata, tensors)) == self._metadata and all(map(Tensor.is_contiguous, tensors))
        if same:  # but another mode of torch's is active
            self._same_metadata = metadata_guard(self._tensors)
        return same


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is a strided CPU Tensor or Parameter and no subclass with an arithmetic of its own."""
    return type(tensor) in (Tensor, Parameter) and tensor.is_cpu and tensor.layout is torch.strided


_MEANINGS = {
    "weight_ih": "[gates · hidden, input]",
    "weight_hh": "[gates · hidden, output], [gates · hidden] if the cell is diagonal, None if it has no recurrence",
    "bias_ih": "[gates · hidden]",
    "bias_hh": "[gates · hidden]",
    "weight_hr": "[projected, hidden]",
}


def _raise_misfit(
    cell: Cell, arguments: tuple[Tensor | None, ...], expected: list[tuple[int, ...] | None]
) -> NoReturn:
    """Raises ShapeError for the first weight that does not fit."""
    if len(arguments) != len(expected):
        vector_count, expected_count = len(arguments) - len(_MEANINGS), len(cell.vectors)
        raise_shape_error(
            "vectors", vector_count, expected_count, f"one for each of {', '.join(cell.vectors) or 'none'}"
        )
    meanings = _MEANINGS | dict.fromkeys(cell.vectors, "[hidden]")
    for (name, meaning), tensor, shape in zip(meanings.items(), arguments, expected, strict=True):
        actual = None if tensor is None else tuple(tensor.shape)
        if actual != shape:
            raise_shape_error(name, actual, shape, meaning)
    raise AssertionError("all of them fit")


def raise_shape_error(name: str, actual: object, expected: object, meaning: str) -> NoReturn:
    """Raises ShapeError for an argument of a call. actual, expected: shapes or counts; meaning: the expected one's."""
    raise ShapeError(
        f"{name}: got {actual}, expected {expected} ({meaning}); build the call from one layer's own weights"
    )
