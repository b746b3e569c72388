"""swap: keepgate's layers in the place of torch's inside any model, and back."""

from typing import Any

from torch import nn

from ..errors import SettingsError
from ..nn.freezing import check_module, freeze, thaw
from .candidates import recurrent_layers, why_left_alone
from .example_run import Difference, Timing, compare_runs, evaluating, run_of
from .report import LayerSwap, SwapReport
from .torch_subclasses import THEIRS, become_ours, become_torchs


def swap(model: nn.Module, *, example: Any = None, frozen: bool = False) -> SwapReport:
    """Makes every torch.nn.RNN, LSTM, GRU and their cells inside a model keepgate's, in place; prints as a table.

    The layers stay the very objects, with their parameters, hooks, mode and options: optimisers, tied weights and
    references go on, `state_dict` has the same names, and each is still an instance of torch's class.
    A layer that cannot be swapped is left alone, and the report says why.

    example: what to run the model on: a tensor, a tuple of arguments, a dict of keywords, or a function of the model,
             which a model needs that keeps a state between calls. It is run several times with torch's layers and with
             ours, in eval mode without gradients; a layer in which ours are slower is left alone. What it raises is
             raised, and nothing is swapped then.
    frozen:  for deployment: the weights are trusted until `thaw`, see `freeze`.
    """
    layers = recurrent_layers(model)
    kinds = {name: str(layer).partition("\n")[0] for name, layer in layers.items()}
    reasons = {name: why_left_alone(layer) for name, layer in layers.items()}
    swaps = {name: layer for name, layer in layers.items() if reasons[name] is None}
    if example is None:
        to_ours(swaps, frozen=frozen)
        rows = [LayerSwap(name=name, kind=kinds[name], reason=reasons[name]) for name in layers]
        return SwapReport(layers=tuple(rows))
    run = run_of(model, example)

    def compared() -> tuple[Timing, Timing, Difference]:
        return compare_runs(run, layers, lambda: to_ours(swaps, frozen=frozen), lambda: to_torchs(swaps))

    with evaluating(model):
        before, after, difference = compared()
        slower = [name for name in swaps if after.layers.get(name, 0.0) > before.layers.get(name, 0.0)]
        for name in slower:
            reasons[name] = "ours is slower in the example"
            del swaps[name]
        whole = after.whole
        if slower:
            _, (whole, _), difference = compared()
    to_ours(swaps, frozen=frozen)
    rows = [
        LayerSwap(
            name=name,
            kind=kinds[name],
            reason=reasons[name],
            seconds_before=before.layers.get(name),
            seconds_after=after.layers.get(name),
        )
        for name in layers
    ]
    return SwapReport(
        layers=tuple(rows), difference=difference.largest, seconds_before=before.whole, seconds_after=whole
    )


def unswap(model: nn.Module) -> tuple[str, ...]:
    """Makes what `swap` changed torch's again, in place; gives the paths of these layers. Frozen weights are thawed.

    Layers that were built as keepgate's stay; `layer.to_torch()` gives torch's for one of them. One whose class a
    library has changed since the swap (parametrised, sharded) stays until the library has undone that.
    Raises SettingsError, and changes none, where one is quantized.
    """
    check_module(model)
    swapped = {name: layer for name, layer in model.named_modules() if type(layer) in THEIRS}
    for name, layer in swapped.items():
        if any(place.narrow for place in layer.__dict__["_places"]):
            raise SettingsError(
                f"{name or 'the model'} is quantized, and torch.nn's layers do not read its weights; take the model as "
                "it was before keepgate.quantize"
            )
    to_torchs(swapped)
    return tuple(swapped)


def to_ours(layers: dict[str, nn.Module], *, frozen: bool) -> None:
    """Makes these layers ours; where one cannot be, none is."""
    swapped: dict[str, nn.Module] = {}
    try:
        for name, layer in layers.items():
            become_ours(layer)
            swapped[name] = layer
            if frozen:
                freeze(layer)
    except BaseException:
        to_torchs(swapped)
        raise


def to_torchs(layers: dict[str, nn.Module]) -> None:
    """Makes these layers torch's again."""
    for layer in reversed(layers.values()):
        thaw(layer)
        become_torchs(layer)
