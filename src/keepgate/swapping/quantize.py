"""quantize: the weights of a model's recurrent layers in bfloat16 or int8, in place, for inference."""

from dataclasses import replace
from typing import Any

from torch import nn

from ..arrays.narrow import WEIGHT_FORMATS, WeightFormat
from ..errors import SettingsError, nearest_first
from ..nn.freezing import check_module
from ..nn.narrowing import Narrowing, places_of, why_not_narrowed
from .candidates import ALREADY_OURS
from .example_run import compare_runs, evaluating, run_of
from .quantize_report import LayerQuantization, QuantizeReport
from .report import SwapReport
from .swap import swap, to_torchs


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
        formats = ", ".join(nearest_first(str(weights), WEIGHT_FORMATS))
        raise SettingsError(f"weights is {weights!r}; choose one of {formats}")
    swapped = swap(model)
    try:
        report, narrowings = _planned(model, weights, linear, swapped)
        if example is not None:
            report = _compared(model, example, report, narrowings)
    except BaseException:
        to_torchs({name: model.get_submodule(name) for name in swapped.swapped})
        raise
    for narrowing in narrowings.values():
        narrowing.apply()
    return report


def _planned(
    model: nn.Module, weights: WeightFormat, linear: bool, swapped: SwapReport
) -> tuple[QuantizeReport, dict[str, Narrowing]]:
    """What will become of each layer, and the conversions."""
    reasons = {row.name: row.reason for row in swapped.layers if row.reason not in (None, ALREADY_OURS)}
    rows, narrowings = [], {}
    for name, layer in model.named_modules():
        if name not in reasons and not (places_of(layer) and (linear or not isinstance(layer, nn.Linear))):
            continue
        reason = reasons.get(name) or why_not_narrowed(layer, weights)
        before = after = sum(
            tensor.numel() * tensor.itemsize
            for tensor in (*layer.parameters(recurse=False), *layer.buffers(recurse=False))
        )
        if reason is None:
            narrowings[name] = Narrowing(layer, weights)
            after = narrowings[name].bytes_after
        rows.append(
            LayerQuantization(
                name=name, kind=str(layer).partition("\n")[0], weights=weights, reason=reason,
                bytes_before=before, bytes_after=after,
            )
        )  # fmt: skip
    return QuantizeReport(layers=tuple(rows)), narrowings


def _compared(
    model: nn.Module, example: Any, report: QuantizeReport, chosen: dict[str, Narrowing]
) -> QuantizeReport:
    """The report with times and differences. The model is as it was when it ends."""
    run, layers = run_of(model, example), {row.name: model.get_submodule(row.name) for row in report.layers}

    def widen() -> None:
        for narrowing in chosen.values():
            narrowing.revert()

    def narrow() -> None:
        for narrowing in chosen.values():
            narrowing.apply()
        try:
            run()  # which packs the weights
        except BaseException:
            widen()
            raise

    with evaluating(model):
        before, after, difference = compare_runs(run, layers, narrow, widen)
    rows = [
        replace(row, seconds_before=before.layers.get(row.name), seconds_after=after.layers.get(row.name))
        for row in report.layers
    ]
    return QuantizeReport(
        layers=tuple(rows), difference=difference.largest, mean_difference=difference.mean,
        seconds_before=before.whole, seconds_after=after.whole,
    )  # fmt: skip
