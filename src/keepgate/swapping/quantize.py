"""quantize: the weights of a model's recurrent layers in bfloat16 or int8, in place, for inference."""

from typing import Any

from torch import nn

from ..arrays.narrow import WEIGHT_FORMATS, WeightFormat
from ..errors import SettingsError, nearest_first
from ..nn.freezing import check_module
from ..nn.narrowing import Narrowing, places_of, why_not_narrowed
from .candidates import ALREADY_OURS
from .example_run import Timing, compare_runs, evaluating, mean_output_difference, outputs, run_of, seeded
from .quantize_report import LayerQuantization, QuantizeReport
from .swap import swap


def quantize(
    model: nn.Module, weights: WeightFormat = "int8", *, linear: bool = False, example: Any = None
) -> QuantizeReport:
    """Stores the weights of every recurrent layer inside a model narrow, in place; prints as a table.

    Each weight matrix becomes a buffer of bfloat16, or of int8 with one float32 scale for each of its rows. Inputs,
    biases, states and sums stay in float32, on every processor, so that the layer computes what a float32 layer with
    the rounded weights would. Layers of torch.nn are swapped for keepgate's first, see `swap`. There is no way back to
    the numbers before: quantize a copy (`copy.deepcopy(model)`) or a model that is saved. A quantized layer is for
    inference: an input that requires a gradient is refused. What writes to its buffers in another way than
    `load_state_dict` goes unnoticed.
    A layer that cannot be quantized is left alone, and the report says why.

    weights: "int8", a quarter of the bytes, or "bfloat16", half of them and the smaller difference.
    linear:  also the model's torch.nn.Linear layers.
    example: what to run the model on, as in `swap`: for its times and the difference that the weights' rounding makes.
             What it raises is raised, and nothing is quantized then.
    """
    check_module(model)
    if weights not in WEIGHT_FORMATS:
        raise SettingsError(
            f"weights is {weights!r}; choose one of {', '.join(nearest_first(str(weights), WEIGHT_FORMATS))}"
        )
    kinds = {name: str(layer).partition("\n")[0] for name, layer in model.named_modules()}
    swapped = swap(model)
    reasons = {
        layer.name: layer.reason for layer in swapped.layers if layer.reason not in (None, ALREADY_OURS)
    }
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if name in reasons or (places_of(layer) and (linear or not isinstance(layer, nn.Linear)))
    }
    reasons |= {
        name: why_not_narrowed(layer, weights) for name, layer in layers.items() if name not in reasons
    }
    chosen = {name: Narrowing(layer, weights) for name, layer in layers.items() if reasons[name] is None}

    def narrow() -> None:
        for narrowing in chosen.values():
            narrowing.apply()

    def widen() -> None:
        for narrowing in chosen.values():
            narrowing.revert()

    before = after = Timing(whole=0.0, layers={})
    largest = mean = None
    if example is not None:
        run = run_of(model, example)
        with evaluating(model):
            before, after, largest = compare_runs(
                run, layers, lambda: (narrow(), run()), widen
            )  # packed before
            mean = _mean_difference(run, narrow, widen)
    narrow()
    rows = [
        LayerQuantization(
            name=name,
            kind=kinds[name],
            reason=reasons[name],
            weights=weights,
            bytes_before=chosen[name].bytes_before if name in chosen else _bytes(layer),
            bytes_after=chosen[name].bytes_after if name in chosen else _bytes(layer),
            seconds_before=before.layers.get(name),
            seconds_after=after.layers.get(name),
        )
        for name, layer in layers.items()
    ]
    ran = example is not None
    return QuantizeReport(
        layers=tuple(rows), difference=largest, mean_difference=mean,
        seconds_before=before.whole if ran else None, seconds_after=after.whole if ran else None,
    )  # fmt: skip


def _mean_difference(run: Any, narrow: Any, widen: Any) -> float:
    with seeded():
        before = outputs(run())
    narrow()
    try:
        with seeded():
            after = outputs(run())
    finally:
        widen()
    return mean_output_difference(before, after)


def _bytes(layer: nn.Module) -> int:
    tensors = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
    return sum(tensor.numel() * tensor.itemsize for tensor in tensors)
