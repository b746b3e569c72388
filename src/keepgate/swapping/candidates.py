"""Which layers of a model can be swapped, and why the others are left alone."""

import torch
from torch import nn
from torch.nn.utils import parametrize

from ..nn.freezing import check_module
from .torch_subclasses import OURS, THEIRS

ALREADY_OURS = "keepgate's already"
_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_SCRIPTED = {kind.__name__ for kind in OURS}


def recurrent_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every recurrent layer of torch's or keepgate's inside a model, scripted ones too, by its first path in it."""
    check_module(model)
    return {name: layer for name, layer in model.named_modules() if _is_recurrent(layer)}


def _is_recurrent(layer: nn.Module) -> bool:
    return isinstance(layer, _RECURRENT) or script_name(layer) in _SCRIPTED


def script_name(layer: nn.Module) -> str | None:
    """The class from which torch.jit.script compiled a module; None for one that is not scripted."""
    return str(layer.original_name) if isinstance(layer, torch.jit.ScriptModule) else None


def why_left_alone(layer: nn.Module) -> str | None:
    """Why a recurrent layer cannot be swapped, or None."""
    kind = type(layer)
    if script_name(layer) is not None:
        return "scripted by torch.jit; swap the model before it is scripted or traced"
    if kind in THEIRS or kind.__module__.partition(".")[0] == "keepgate":
        return ALREADY_OURS
    if parametrize.is_parametrized(layer):
        names = ", ".join(name for name, _ in layer.get_submodule("parametrizations").named_children())
        return f"{names} is parametrised; swap first and parametrise then"
    if kind not in OURS:
        return f"a class of its own, {kind.__module__}.{kind.__name__}, whose forward may be another"
    if "forward" in layer.__dict__:
        return "its forward was replaced"
    return _why_weights(layer)


def _why_weights(layer: nn.Module) -> str | None:
    for name, parameter in layer.named_parameters(recurse=False):
        if type(parameter) is not nn.Parameter:
            return f"{name} is a {type(parameter).__name__}"
        if parameter.device.type != "cpu":
            return f"on {parameter.device}, for which there is no kernel of ours"
        if parameter.dtype not in (torch.float32, torch.float64):
            return f"in {parameter.dtype}; our kernels compute in float32 and float64"
    return None
