"""keepgate quantize: a model's folder → one whose weights are narrow."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..arrays.narrow import WeightFormat
from ..errors import SettingsError
from .console import make_console, print_text
from .inputs import Model

EPILOGUE = """Examples:

  keepgate quantize my-model my-model-int8
  keepgate quantize my-model my-model-bf16 --weights bfloat16
  keepgate evaluate my-model-int8 test.jsonl

What it writes is a model's folder like any other: ask, predict, write, look, evaluate, serve, export and
keepgate.runtime take it. Inputs, states and sums stay in float32; what changes is that each weight is rounded, so
measure the new model on your own data (`keepgate evaluate`) before you trust it. Its layers cannot be trained further:
keep the model that it was made from."""


def quantize(
    model: Model,
    out: Annotated[Path, Parameter(help="The folder to write; a model that is there is replaced.")],
    /,
    *,
    weights: Annotated[
        WeightFormat,
        Parameter(
            help="int8: a quarter of the bytes, one scale a row. bfloat16: half of them, closer to the model."
        ),
    ] = "int8",
    linear: Annotated[bool, Parameter(help="Also the linear layers beside the recurrent ones.")] = False,
) -> None:
    """Store the weights of a model's recurrent layers in int8 or bfloat16: a smaller file, faster where memory is slow.

    It prints each layer with its size before and after, and why a layer was left alone.
    """
    from ..export import load, save
    from ..export.content import LIMITS, WEIGHTS
    from ..swapping import quantize as quantize_model

    if out.resolve() == model.resolve():
        raise SettingsError(f"{out} is the model itself, whose weights would be lost; name another folder")
    task = load(model)
    report = quantize_model(task, weights, linear=linear)
    if not report.quantized:
        reasons = (
            "; ".join(f"{layer.name}: {layer.reason}" for layer in report.layers)
            or "it has no recurrent layer"
        )
        raise SettingsError(f"nothing in {model} can be quantized ({reasons})")
    before = (model / "card.md").read_text(encoding="utf-8")
    what = f"{model.resolve().name}, its weights in {weights} (`keepgate quantize --weights {weights}`)."
    # What is longer than a card may be is cut: the model's own folder has it.
    save(task, out, card={"what": what, "the card of that model": before[: LIMITS["card.md"] // 8]})
    sizes = [(folder / WEIGHTS).stat().st_size for folder in (model, out)]
    print_text(make_console(), f"{report}\n{out / WEIGHTS}: {sizes[1]:,} bytes, {sizes[0]:,} before")
