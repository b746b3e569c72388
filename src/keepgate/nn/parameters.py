"""Parameters of a recurrent layer: their shapes and torch's names for them, their use by kernels, and loading them."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..arrays.narrow import MATRICES, NarrowMatrix, WeightFormat, stored_names
from ..equations import Cell
from ..errors import SettingsError
from ..kernels import FastPath, fast_path
from ..kernels.narrow_weights import NarrowWeights
from ..kernels.weights import Weights


class PlaceParameters:
    """The parameters of one place (layer and direction) of a module, and the `Weights` that were made of them.

    names:  the module's name of each parameter, by the name that `Call` gives it.
    kernel: the only kernel that may run the layer, or None.
    narrow: the format of the matrices where the module has buffers of it in their place, see `narrow_buffers`.
    The weights are kept while their parameters stay the same tensors; they are neither copied nor pickled with a layer.
    """

    narrow: WeightFormat | None = None

    def __init__(self, cell: Cell, names: dict[str, str], kernel: str | None = None) -> None:
        self.cell, self.names = cell, names
        self._required_grad: dict[str, bool] | None = None
        self.use(kernel)

    def use(self, kernel: str | None) -> None:
        """Sets the only kernel that may run the layer, None for any."""
        self.kernel = kernel
        self._weights: Weights | None = None
        self._fast_path: FastPath | None = None
        self._trained_fast_path: tuple[Cell, FastPath | None] | None = None

    @property
    def frozen(self) -> bool:
        """Whether the weights that were made first are used for every call, whatever becomes of the parameters."""
        return self._required_grad is not None or self.narrow is not None

    def freeze(self, module: nn.Module) -> None:
        """Trusts the parameters, which require no gradient then. Raises SettingsError where one is computed."""
        required = {}
        for parameter_name in self.names.values():
            parameter = module._parameters.get(parameter_name)
            if type(parameter) is not nn.Parameter or not parameter.is_contiguous():
                raise SettingsError(
                    f"{parameter_name} of this {type(module).__name__} is no plain parameter (parametrised, normed, "
                    "pruned, sharded or a view), so that there is nothing to trust; make it one first, as by "
                    f"torch.nn.utils.parametrize.remove_parametrizations(layer, {parameter_name!r})"
                )
            required[parameter_name] = parameter.requires_grad
        self._required_grad = required
        self._let_require_grad(module, dict.fromkeys(self.names.values(), False))

    def thaw(self, module: nn.Module) -> None:
        """Looks at the parameters again at each call; they require gradients as before `freeze`."""
        required, self._required_grad = self._required_grad or {}, None
        self._let_require_grad(module, required)

    def _let_require_grad(self, module: nn.Module, required: dict[str, bool]) -> None:
        for parameter_name, requires_grad in required.items():
            if (parameter := module._parameters.get(parameter_name)) is not None:
                parameter.requires_grad_(requires_grad)
        self.use(self.kernel)

    def tensors(self, module: nn.Module) -> dict[str, Tensor]:
        """Each parameter, by the name that `Call` gives it. What is computed (parametrised) is computed now."""
        narrow = self._narrow_buffers(module)
        return {
            name: _widened(*narrow[name]) if name in narrow else getattr(module, own)
            for name, own in self.names.items()
        }

    def _narrow_buffers(self, module: nn.Module) -> dict[str, list[Tensor]]:
        """Of each matrix that the module has in narrow buffers, these: the numbers, and of int8 the scale."""
        if self.narrow is None:
            return {}
        return {
            name: [module._buffers[stored] for stored in stored_names(own, self.narrow)]
            for name, own in self.names.items()
            if name in MATRICES and own not in module._parameters
        }

    def weights(self, module: nn.Module) -> Weights:
        """The parameters as kernels take them, looked at again only if something about them has changed."""
        compiling = torch.compiler.is_compiling()
        cached = None if compiling else self._weights
        # nn.Module looks for an attribute in many places; parameters are in this one.
        if cached is not None and (
            self.frozen or cached.matches([*map(module._parameters.get, self.names.values())])
        ):
            return cached
        if self.narrow is not None and not compiling:
            weights: Weights = self._narrow_weights(module)
        else:
            tensors = self.tensors(module)
            weights = Weights(
                self.cell, tensors["weight_ih"], tensors.get("weight_hh"), tensors.get("bias_ih"),
                tensors.get("bias_hh"), tensors.get("weight_hr"), tuple(tensors[name] for name in self.cell.vectors),
            )  # fmt: skip
        if not compiling:
            self._weights = weights if weights.remember() else None
            weights.trusted = self.frozen
            self._fast_path = None if self._weights is None else fast_path(self._weights, self.kernel)
            self._trained_fast_path = None
        return weights

    def _narrow_weights(self, module: nn.Module) -> NarrowWeights:
        matrices = {name: _narrow_matrix(*buffers) for name, buffers in self._narrow_buffers(module).items()}
        parameters = {
            name: getattr(module, own).float() for name, own in self.names.items() if name not in matrices
        }
        vectors = tuple(parameters.pop(name) for name in self.cell.vectors)
        return NarrowWeights(self.cell, matrices, parameters, vectors)

    @property
    def fast_path(self) -> FastPath | None:
        """A kernel's fast path for the weights that `weights` gave last; None where there is none."""
        return None if torch.compiler.is_compiling() else self._fast_path

    def current_fast_path(self, module: nn.Module) -> FastPath | None:
        """`fast_path` for the parameters as they are now."""
        if torch.compiler.is_compiling():
            return None
        if self._weights is None or not self.frozen:
            self.weights(module)
        return self._fast_path

    def fast_path_of(self, trained: Cell) -> FastPath | None:
        """The same of the cell in training, whose parameters are these."""
        if self.fast_path is None or (weights := self._weights) is None:
            return None
        if self._trained_fast_path is None or self._trained_fast_path[0] is not trained:
            trained_weights = Weights(
                trained,
                weights.weight_ih,
                weights.weight_hh,
                weights.bias_ih,
                weights.bias_hh,
                weights.weight_hr,
                weights.vectors,
            )
            path = fast_path(trained_weights, self.kernel) if trained_weights.remember() else None
            self._trained_fast_path = trained, path
        return self._trained_fast_path[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_weights": None, "_fast_path": None, "_trained_fast_path": None}


def _widened(numbers: Tensor, scale: Tensor | None = None) -> Tensor:
    """The float32 of narrow buffers, by torch, whose graphs have it too."""
    return numbers.float() if scale is None else numbers.float() * scale.float().unsqueeze(1)


def _narrow_matrix(numbers: Tensor, scale: Tensor | None = None) -> NarrowMatrix:
    if scale is None:
        return NarrowMatrix(numbers.to(torch.bfloat16).view(torch.int16).numpy().view("uint16"))
    return NarrowMatrix(numbers.numpy(), scale.float().numpy())


def load_state_dict_wholly(
    module: nn.Module, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
) -> Any:
    """`nn.Module.load_state_dict`, but what raises has changed nothing, while torch.nn has copied what fits by then."""
    restore = _snapshot(module)
    try:
        return nn.Module.load_state_dict(module, state_dict, strict, assign)
    except BaseException:
        restore()
        raise


def load_own_wholly(module: nn.Module, *torchs: Any) -> None:
    """`nn.Module._load_from_state_dict` likewise, for a layer inside a model that loads: the last list is of errors."""
    errors = torchs[-1]
    places = getattr(module, "_places", ())
    if any(place.frozen and place.narrow is None for place in places):
        errors.append(
            f"this {type(module).__name__} is frozen, and would not notice other weights; call keepgate.thaw first"
        )
        return
    restore, refusals = _snapshot(module), len(errors)
    nn.Module._load_from_state_dict(module, *torchs)
    if len(errors) > refusals:
        restore()
    for place in places:
        if place.narrow is not None:
            place.use(place.kernel)  # what it has packed is of the numbers before


def _snapshot(module: nn.Module) -> Callable[[], None]:
    """What brings every parameter and buffer back as it is now, the tensors themselves and their numbers."""
    tables: list[dict[str, Any]] = [
        table for part in module.modules() for table in (part._parameters, part._buffers)
    ]
    before = [
        (table, name, tensor) for table in tables for name, tensor in table.items() if tensor is not None
    ]
    numbers = [tensor.detach().clone() for _, _, tensor in before]

    @torch.no_grad()
    def restore() -> None:
        for (table, name, tensor), number in zip(before, numbers, strict=True):
            table[name] = tensor
            tensor.copy_(number)

    return restore
