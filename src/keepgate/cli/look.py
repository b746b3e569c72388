"""keepgate look: the gates of a model over the tokens of a text, drawn in the terminal."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from ..errors import SettingsError
from .console import (
    BLOCKS,
    has_blocks,
    make_console,
    print_answer,
    print_json,
    print_text,
)
from .gate_strip import Row, draw, stretched
from .inputs import Model, TextFile, question_from_option, read_text
from .look_outputs import PageLanguage, draw_files, parse_figures
from .output_paths import check_writable
from .token_series import TokenSeries, describe, summary_table, token_series

if TYPE_CHECKING:
    from ..lens.readers import Reading
    from ..nn.trace import LayerTrace

EPILOGUE = """Examples:

  keepgate look my-model --text notes.txt --question "Who sails?"
  keepgate look my-model --text notes.txt --question "Who sails?" --stretch
  keepgate look my-model --text notes.txt --question "Who?" --tokens 0:40
  keepgate look my-model --text notes.txt --question "Who?" --gate f --unit 3
  keepgate look my-model --text notes.txt --question "Who?" --html look.html
  keepgate look my-classifier --text review.txt
  keepgate look my-forecaster --text power.csv --question load+24
  keepgate look my-model --text notes.txt --question "Who?" --figure gates=g.png

A row is one gate, a column one token. A tall block is an open gate, a low one a closed gate; an open forget gate (f, or
z in a GRU) keeps what was there before."""

Direction = Literal["forward", "reverse", "both"]

# A movement is neither good nor bad: one colour, brighter where it is large.
_MOVEMENT = ("blue", "cyan", "bright_cyan")


def look(
    model: Model,
    /,
    *,
    text: TextFile,
    question: Annotated[
        str | None,
        Parameter(
            help="What to ask of the text; of a tagger, the piece whose tag is explained; of a forecaster, "
            "[SERIES:]TARGET[+STEPS AHEAD]; others take none."
        ),
    ] = None,
    layer: Annotated[int, Parameter(help="Which layer, counted from 0; -1 is the last.")] = 0,
    direction: Annotated[
        Direction, Parameter(help="Which reading of the text, in a model that reads it both ways.")
    ] = "forward",
    gate: Annotated[
        tuple[str, ...], Parameter(help="Only these rows, by letter; may be given several times.")
    ] = (),
    unit: Annotated[
        int | None, Parameter(help="One unit of the layer, instead of the mean over all of them.")
    ] = None,
    tokens: Annotated[
        str | None, Parameter(help="Only these tokens, FROM:TO, counted from 0; either may be left out.")
    ] = None,
    stretch: Annotated[
        bool, Parameter(help="Draw each row from its own lowest to its own highest value.")
    ] = False,
    json: Annotated[bool, Parameter(help="The tokens and the values as one JSON object.")] = False,
    html: Annotated[
        str | None,
        Parameter(
            metavar="FILE", help="Also write a page that needs no network: what carries the answer, and why."
        ),
    ] = None,
    figure: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="NAME=FILE",
            help=(
                "Also write a figure, .svg, .png or .pdf: gates, token_effects, retention, half_life, saliency, "
                "shares, look_back, series; the last three of a forecaster, series of labelled series too; repeatable."
            ),
        ),
    ] = (),
    language: Annotated[
        PageLanguage | None,
        Parameter(help="Of the page and the figures: en or zh-TW; else the page has both, with a switch."),
    ] = None,
) -> None:
    """Draw what the gates did, token by token, and say what it means.

    Under each token stands one block for each gate: tall is open, low is closed. The rows below show how far each
    state moved at that token.
    """
    span = _token_range(tokens)
    figures = parse_figures(figure)
    for path in (*([] if html is None else [html]), *(path for _, path in figures)):
        check_writable(Path(path))
    content = read_text(text)
    asking = None if question is None else question_from_option(question)

    from ..export import load
    from ..lens import read
    from ..machine import one_thread
    from ..tasks import KINDS
    from ..tasks.probe import SeriesProbed

    task = load(model)
    item = task.item(content, asking)
    with one_thread():
        reading = read(task, item)
    layers = [(part, token_series(part, gate, unit)) for part in _select(reading, layer, direction)]
    # What is wrong is told before anything is shown.
    if not reading.tokens.texts[span]:
        raise SettingsError(f"--tokens leaves nothing of the {len(reading.tokens):,} tokens; the first is 0")
    # Gates alone do not say on which words a label rests.
    explained = html is not None or figures or not (json or KINDS[task.kind].asks)
    files = draw_files(task, item, html=html, figures=figures, language=language) if explained else None
    console = make_console(errors=json)
    if json:
        print_json(_as_json(reading, layers, unit))
    else:
        if isinstance(task, SeriesProbed):
            print_text(console, task.series_probe(item).name, "bold")
        print_answer(console, item.text, reading.answer)
        for part, series in layers:
            console.print()
            rows = [row.part(span) for row in series]
            _print_layer(console, part, reading.tokens.texts[span], rows, stretch, unit, reading.unit)
        _print_other_layers(console, reading, [part for part, _ in layers])
    if files is not None:
        files.write(console)


def _token_range(tokens: str | None) -> slice:
    if tokens is None:
        return slice(None)
    first, colon, last = tokens.partition(":")
    if colon and all(not bound or bound.isdecimal() for bound in (first, last)):
        return slice(int(first) if first else None, int(last) if last else None)
    raise SettingsError(f"--tokens is {tokens!r}; write FROM:TO in whole numbers, for example 0:40")


def _select(reading: "Reading", layer: int, direction: Direction) -> "list[LayerTrace]":
    """The layers of this number and direction. Raises SettingsError if there is none."""
    layers = reading.trace.layers
    number = layer + 1 + layers[-1].layer if layer < 0 else layer
    selected = [
        traced_layer
        for traced_layer in layers
        if traced_layer.layer == number
        and direction in ("both", "reverse" if traced_layer.reverse else "forward")
    ]
    if not selected:
        names = ", ".join(map(_name, layers))
        raise SettingsError(f"this model has no {direction} layer {layer}; it has {names}")
    return selected


def _name(layer: "LayerTrace") -> str:
    return f"layer {layer.layer} {'reverse' if layer.reverse else 'forward'}"


def _print_layer(
    console: Console,
    layer: "LayerTrace",
    tokens: Sequence[str],
    series: Sequence[TokenSeries],
    stretch: bool,
    unit: int | None,
    step: str,
) -> None:
    units = layer[layer.cell.states[0]].shape[2]
    whose = f"mean of {units} units" if unit is None else f"unit {unit} of {units}"
    print_text(console, f"{layer.cell.name.upper()}, {_name(layer)}, {whose}", "bold")
    console.print()
    rows = [
        Row(
            row.label,
            stretched(row.values) if stretch else row.values,
            *(() if row.is_gate else (_MOVEMENT,)),
        )
        for row in series
    ]
    for line in draw(tokens, rows, width=console.width, blocks=has_blocks(console)):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(summary_table(tokens, series))
    console.print()
    print_text(console, describe(layer, unit, step))
    even = [
        row.label for row in series if row.is_gate and max(row.values) - min(row.values) < 1 / len(BLOCKS)
    ]
    if even and not stretch:
        hint = f"Too even for blocks: {', '.join(even)}; --stretch shows the differences."
        print_text(console, hint, "dim")


def _print_other_layers(console: Console, reading: "Reading", layers: "list[LayerTrace]") -> None:
    hidden = [
        _name(traced_layer)
        for traced_layer in reading.trace.layers
        if not any(traced_layer is layer for layer in layers)
    ]
    if hidden:
        console.print()
        print_text(console, f"Not shown: {', '.join(hidden)} (--layer, --direction).", "dim")


def _as_json(
    reading: "Reading", layers: "list[tuple[LayerTrace, list[TokenSeries]]]", unit: int | None
) -> dict[str, object]:
    answer = reading.answer.as_dict()
    return {
        "question": reading.question.question,
        "answer": answer.pop("text"),
        **answer,
        "tokens": list(reading.tokens.texts),
        "layers": [
            {
                "layer": layer.layer,
                "direction": "reverse" if layer.reverse else "forward",
                "cell": layer.cell.name,
                "keeps": layer.cell.retain_gate,
                "unit": unit,
                **{
                    key: {row.letter: _finite(row.values) for row in series if row.is_gate == is_gate}
                    for key, is_gate in (("gates", True), ("moves", False))
                },
            }
            for layer, series in layers
        ],
    }


def _finite(values: list[float]) -> list[float | None]:
    """The values for JSON, which has no NaN."""
    return [None if math.isnan(value) else value for value in values]
