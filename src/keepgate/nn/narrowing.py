"""Narrowing: a layer's matrices as buffers of narrow weights in the place of its parameters, and back."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..arrays.core_cell import core_cell_or_reason
from ..arrays.narrow import MATRICES, NarrowMatrix, WeightFormat, narrow_names, overflows
from .parameters import PlaceParameters
from .quantized_linear import QuantizedLinear, linear_place


def places_of(layer: nn.Module) -> list[PlaceParameters]:
    """The places of a layer of keepgate's, of a Linear the one that it would have; none of another module."""
    if type(layer) is nn.Linear:
        return [linear_place(bias=layer.bias is not None)]
    return [place for place in layer.__dict__.get("_places", ()) if isinstance(place, PlaceParameters)]


def why_not_narrowed(layer: nn.Module, weights: WeightFormat) -> str | None:
    """Why a layer with places cannot have narrow weights, or None."""
    for place in places_of(layer):
        if place.narrow is not None:
            return f"{place.narrow} already"
        core, projects = core_cell_or_reason(place.cell), "weight_hr" in place.names
        if isinstance(core, str):
            return core
        if projects and (core.reads_output or place.cell.recurrent_state != place.cell.states[0]):
            return f"the core does not project the output of {place.cell.name}"
        for own in place.names.values():
            if reason := _why_not_parameter(layer, own, weights):
                return reason
    return None


def _why_not_parameter(layer: nn.Module, own: str, weights: WeightFormat) -> str | None:
    parameter = layer._parameters.get(own)
    if type(parameter) is not nn.Parameter:
        computed = "parametrised" if parametrize.is_parametrized(layer) else "no plain parameter"
        return f"{own} is {computed}; make it a parameter first"
    if parameter.device.type != "cpu":
        return f"on {parameter.device}, for which there is no kernel of ours"
    if parameter.dtype is not torch.float32:
        return f"in {parameter.dtype}; narrow weights are computed in float32: call model.float() first"
    if not parameter.numel():
        return f"{own} is empty"
    if not torch.isfinite(parameter).all():
        return f"{own} holds NaN or infinity"
    if weights == "bfloat16" and overflows(parameter.detach().numpy()):
        return f"{own} holds numbers too large for bfloat16"
    return None


class Narrowing:
    """One layer's conversion, which can be undone.

    matrices: makes the buffers of a parameter, by the ends of their names; `empty_tensors` for a layer without numbers.
    """

    def __init__(
        self,
        layer: nn.Module,
        weights: WeightFormat,
        matrices: Callable[[Tensor, WeightFormat], dict[str, Tensor]] | None = None,
    ) -> None:
        self.layer, self.weights, self.kind, self.places = layer, weights, type(layer), places_of(layer)
        self._parameters = dict(layer._parameters)
        self._required = {name: p.requires_grad for name, p in self._parameters.items() if p is not None}
        self._buffers: dict[str, Tensor] = {}
        self._replaced = [
            parameter_name
            for place in self.places
            for name, parameter_name in place.names.items()
            if name in MATRICES and not (name == "weight_hh" and place.cell.recurrent == "diagonal")
        ]
        for parameter_name in self._replaced:
            made = (matrices or _narrow_tensors)(layer._parameters[parameter_name], weights)  # type: ignore[arg-type]
            self._buffers |= {f"{parameter_name}_{end}": tensor for end, tensor in made.items()}

    @property
    def bytes_after(self) -> int:
        """Of the buffers and the remaining parameters."""
        left = [p for name, p in self._parameters.items() if name not in self._replaced and p is not None]
        return sum(tensor.numel() * tensor.itemsize for tensor in (*left, *self._buffers.values()))

    def apply(self) -> None:
        """Gives the layer the buffers. Its other parameters require no gradient then."""
        for own in self._replaced:
            del self.layer._parameters[own]
        for name, tensor in self._buffers.items():
            self.layer.register_buffer(name, tensor)
        for parameter in self.layer._parameters.values():
            if parameter is not None:
                parameter.requires_grad_(False)
        if self.kind is nn.Linear:
            self.layer.__class__, self.layer._places = QuantizedLinear, self.places  # type: ignore[assignment]
        self._use(self.weights)

    def revert(self) -> None:
        """Makes the layer what it was."""
        for name in self._buffers:
            del self.layer._buffers[name]
        self.layer._parameters.clear()
        self.layer._parameters.update(self._parameters)
        for name, required in self._required.items():
            self._parameters[name].requires_grad_(required)  # type: ignore[union-attr]
        if self.kind is nn.Linear:
            self.layer.__class__ = self.kind
            del self.layer.__dict__["_places"]
        self._use(None)

    def _use(self, weights: WeightFormat | None) -> None:
        for place in self.places:
            place.narrow = weights
            place.use(place.kernel)


def _narrow_tensors(parameter: Tensor, weights: WeightFormat) -> dict[str, Tensor]:
    matrix = NarrowMatrix.of(parameter.detach().contiguous().numpy(), weights)
    if matrix.scale is None:
        bits = torch.from_numpy(matrix.numbers.view("int16"))
        return {"bfloat16": bits.view(torch.bfloat16)}
    return {"int8": torch.from_numpy(matrix.numbers), "scale": torch.from_numpy(matrix.scale)}


def empty_tensors(parameter: Tensor, weights: WeightFormat) -> dict[str, Tensor]:
    """The same without numbers, where the parameter is."""
    if weights == "bfloat16":
        return {"bfloat16": torch.zeros_like(parameter, dtype=torch.bfloat16)}
    return {
        "int8": torch.zeros_like(parameter, dtype=torch.int8),
        "scale": torch.ones(len(parameter), device=parameter.device),
    }


def narrow_like(model: Any, names: Iterable[str]) -> None:
    """Gives the layers of a model empty buffers where these, the names of tensors of a file, have narrow ones."""
    stored = narrow_names(names)
    for path, layer in [*model.named_modules()] if stored else ():
        owned = [own for place in places_of(layer) for own in place.names.values()]
        formats = [stored[f"{path}.{own}"] for own in owned if f"{path}.{own}" in stored]
        if formats:
            Narrowing(layer, formats[0], empty_tensors).apply()
