"""Freezing for deployment: a layer's weights are trusted and packed once, until it is thawed."""

from torch import nn

from ..errors import SettingsError
from .parameters import PlaceParameters


def freeze(model: nn.Module) -> None:
    """Makes every layer of keepgate's in a model trust its weights: packed at the first call, never looked at again.

    A layer that is not frozen looks at its parameters at each call and packs their numbers anew, which of one step is
    about a third of the time. Frozen parameters require no gradient and refuse a state_dict; what writes to
    them in another way goes unnoticed until `thaw`. Copies and pickled layers are frozen too.
    Raises SettingsError, and freezes none, where a weight is computed (parametrised, pruned) or sharded, and for a
    model without a layer of keepgate's.
    """
    if not _places(model):
        raise SettingsError(
            f"{type(model).__name__} has no layer of keepgate's to freeze for deployment; call "
            "keepgate.swap(model) first. For fine-tuning, model.requires_grad_(False) stops the training of any module"
        )
    frozen: list[tuple[PlaceParameters, nn.Module]] = []
    try:
        for place, layer in _places(model):
            if not place.frozen:
                place.freeze(layer)
                frozen.append((place, layer))
    except Exception:
        for place, layer in reversed(frozen):
            place.thaw(layer)
        raise


def thaw(model: nn.Module) -> None:
    """Undoes `freeze`: changed weights are noticed again, and parameters require gradients as before."""
    # Backwards: a tied weight is given back as it was before it was first frozen.
    for place, layer in reversed(_places(model)):
        if place.frozen:
            place.thaw(layer)


def check_module(model: object) -> None:
    """Raises TypeError for what is no torch module."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"the model is a {type(model).__name__}; give a torch.nn.Module")


def _places(model: nn.Module) -> list[tuple[PlaceParameters, nn.Module]]:
    check_module(model)
    return [
        (place, layer)
        for layer in model.modules()
        for place in layer.__dict__.get("_places", ())
        if isinstance(place, PlaceParameters)
    ]
