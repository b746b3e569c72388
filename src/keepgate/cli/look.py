"""keepgate look: the gates of a model over the tokens of a text, drawn in the terminal."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from ..errors import SettingsError
from ..wording import percent, sanitize
from .console import (
    has_blocks,
    make_console,
    print_answer,
    print_json,
    print_text,
    table,
)
from .gate_strip import Row, draw, stretched
from .inputs import Model, TextFile, question_from_option, read_text
from .look_outputs import PageLanguage, pairs, write_files
from .output_paths import check_writable

if TYPE_CHECKING:
    from torch import Tensor

    from ..lens.readers.view import View
    from ..nn.trace import LayerTrace

EPILOGUE = """Examples:

  keepgate look my-model --text notes.txt --question "Who sails?"
  keepgate look my-model --text notes.txt --question "Who sails?" --stretch
  keepgate look my-model --text notes.txt --question "Who?" --tokens 0:40
  keepgate look my-model --text notes.txt --question "Who?" --gate f --unit 3
  keepgate look my-model --text notes.txt --question "Who?" --html look.html
  keepgate look my-model --text notes.txt --question "Who?" --figure gates=g.png

A row is one gate, a column one token. A tall block is an open gate, a low one a closed gate; an open forget gate (f, or
z in a GRU) keeps what was there before."""

Direction = Literal["forward", "reverse", "both"]

# The names that the papers give to the letters.
_NAMES = {
    "lstm": {
        "i": "input",
        "f": "forget",
        "g": "candidate",
        "o": "output",
        "c": "cell state",
        "h": "hidden state",
    },
    "gru": {"r": "reset", "z": "update", "n": "candidate", "h": "hidden state"},
    "rnn": {"h": "hidden state"},
}
# A movement is neither good nor bad: one colour, brighter where it is large.
_MOVEMENT = ("blue", "cyan", "bright_cyan")


@dataclass(frozen=True)
class _Line:
    """One row of the drawing before it is drawn: mean over the units (or one unit) at each token."""

    name: str
    label: str
    values: list[float]
    gate: bool
    remark: str = ""


def look(
    model: Model,
    /,
    *,
    text: TextFile,
    question: Annotated[str, Parameter(help="What to ask of the text.")],
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
            help="Also write a figure, .svg or .png: gates, carriers, erased, half_life or gradient; several times.",
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
    asked = question_from_option(question)
    part = _part(tokens)
    figures = pairs(figure)
    for path in ([] if html is None else [html]) + [path for _, path in figures]:
        check_writable(Path(path))
    content = read_text(text)

    from ..data.questions import Question
    from ..export import load
    from ..lens.readers.view import view as seen_by
    from ..machine import one_thread

    task = load(model)
    with one_thread():
        view = seen_by(task, Question(text=content, question=asked))
    layers = _chosen(view, layer, direction)
    files = html is not None or bool(figures)
    if json:
        print_json(_as_json(view, layers, gate, unit))
        if files:
            write_files(
                make_console(errors=True), task, content, asked, html=html, figures=figures, language=language
            )
        return
    # What is wrong is told before anything is shown.
    if not view.tokens[part]:
        raise SettingsError(f"--tokens leaves nothing of the {len(view.tokens):,} tokens; the first is 0")
    drawn = [(one, _lines(one, gate, unit)) for one in layers]
    console = make_console()
    print_answer(console, content, view.answer)
    for one, lines in drawn:
        console.print()
        _show_layer(console, view, one, lines, part=part, stretch=stretch, unit=unit)
    _say_what_else(console, view, layers)
    if files:
        write_files(console, task, content, asked, html=html, figures=figures, language=language)


def _part(tokens: str | None) -> slice:
    if tokens is None:
        return slice(None)
    first, colon, last = tokens.partition(":")
    if colon and all(not bound or bound.isdecimal() for bound in (first, last)):
        return slice(int(first) if first else None, int(last) if last else None)
    raise SettingsError(f"--tokens is {tokens!r}; write FROM:TO in whole numbers, for example 0:40")


def _chosen(view: "View", layer: int, direction: Direction) -> "list[LayerTrace]":
    depth = 1 + max(one.layer for one in view.trace.layers)
    wanted = layer + depth if layer < 0 else layer
    found = [
        one
        for one in view.trace.layers
        if one.layer == wanted and direction in ("both", "reverse" if one.reverse else "forward")
    ]
    if not found:
        has = ", ".join(_where(one) for one in view.trace.layers)
        raise SettingsError(f"this model has no {direction} layer {layer}; it has {has}")
    return found


def _where(layer: "LayerTrace") -> str:
    return f"layer {layer.layer} {'reverse' if layer.reverse else 'forward'}"


def _named(layer: "LayerTrace", letter: str) -> str:
    names = next((names for family, names in _NAMES.items() if layer.cell.name.startswith(family)), {})
    return names.get(letter, letter)


def _lines(layer: "LayerTrace", wanted: tuple[str, ...], unit: int | None) -> list[_Line]:
    """The rows to draw: gates first, the one that keeps before the others, then how far each state moved."""
    from ..lens.readers.view import relative_state_change

    gates = _gates(layer)
    for letter in wanted:
        if letter not in (*gates, *layer.cell.states):
            raise SettingsError(
                f"this {layer.cell.name} has no row {letter!r}; it has {', '.join((*gates, *layer.cell.states))}"
            )
    units = layer[layer.cell.states[0]].shape[2]
    if unit is not None and not 0 <= unit < units:
        raise SettingsError(f"--unit is {unit}; this layer has units 0 to {units - 1}")
    lines = []
    for letter in gates:
        values = layer[letter][:, 0]
        over_time = values.mean(1) if unit is None else values[:, unit]
        remark = {layer.cell.retain_gate: "keeps", layer.cell.input_gate: "lets in"}.get(letter, "")
        lines.append(_Line(letter, f"{_named(layer, letter)} {letter}", over_time.tolist(), True, remark))
    if unit is None:
        for letter in reversed(layer.cell.states):
            moved = relative_state_change(layer, letter)[:, 0].tolist()
            lines.append(_Line(letter, f"{letter} moves", moved, False, _named(layer, letter)))
    return [line for line in lines if not wanted or line.name in wanted]


def _gates(layer: "LayerTrace") -> list[str]:
    """The traced values that are gates, 0 to 1, the one that keeps first."""
    found = [
        name for name in layer.cell.traced if float(layer[name].min()) >= 0 and float(layer[name].max()) <= 1
    ]
    candidates = {"g", "n"}
    return sorted(
        (name for name in found if name not in candidates), key=lambda name: name != layer.cell.retain_gate
    )


def _show_layer(
    console: Console,
    view: "View",
    layer: "LayerTrace",
    lines: list[_Line],
    *,
    part: slice,
    stretch: bool,
    unit: int | None,
) -> None:
    units = layer[layer.cell.states[0]].shape[2]
    whose = f"mean of {units} units" if unit is None else f"unit {unit} of {units}"
    print_text(console, f"{layer.cell.name.upper()}, {_where(layer)}, {whose}", "bold")
    console.print()
    tokens = view.tokens[part]
    rows = []
    for line in lines:
        values = stretched(line.values[part]) if stretch else line.values[part]
        rows.append(Row(line.label, values) if line.gate else Row(line.label, values, _MOVEMENT))
    for drawn in draw(tokens, rows, width=console.width, blocks=has_blocks(console)):
        console.print(drawn, soft_wrap=True)
    console.print()
    console.print(_figures(tokens, [replace(line, values=line.values[part]) for line in lines]))
    console.print()
    print_text(console, _sentence(layer, unit))
    flat = [
        line.label for line in lines if line.gate and max(line.values[part]) - min(line.values[part]) < 1 / 8
    ]
    if flat and not stretch:
        print_text(
            console, f"Too even for blocks: {', '.join(flat)}; --stretch shows the differences.", "dim"
        )


def _figures(tokens: Sequence[str], lines: list[_Line]) -> Table:
    rows = []
    for line in lines:
        known = [place for place, value in enumerate(line.values) if not math.isnan(value)]
        if not known:
            rows.append((line.label, line.remark, "", "", ""))
            continue
        low, high = (pick(known, key=line.values.__getitem__) for pick in (min, max))
        mean = math.fsum(line.values[place] for place in known) / len(known)
        lowest, highest = (f"{line.values[place]:.2f}  {sanitize(tokens[place])}" for place in (low, high))
        rows.append((line.label, line.remark, f"{mean:.2f}", lowest, highest))
    return table(("", "", "mean", "lowest, at", "highest, at"), rows, left=2)


def _sentence(layer: "LayerTrace", unit: int | None) -> str:
    """What one sees, with its numbers."""
    keeps = layer.cell.retain_gate
    if keeps is None:
        names = " and ".join(f"{_named(layer, state)} {state}" for state in layer.cell.states)
        return (
            f"This cell has no gate that keeps: each token rewrites the whole {names}. {_moves(layer)} "
            "What stood at the beginning lasts only as far as the rewriting happens to carry it."
        )
    kept = layer[keeps] if unit is None else layer[keeps][:, :, unit : unit + 1]
    return f"{_keeps(layer, kept)} {_moves(layer)}" if unit is None else _keeps(layer, kept)


def _keeps(layer: "LayerTrace", kept: "Tensor") -> str:
    """How long the gate that keeps makes memory last."""
    from ..lens.memory.time_scales import half_life
    from ..lens.readers.view import retention_of_first_write

    halves = half_life(kept)[0].sort().values
    left = retention_of_first_write(kept, reverse=layer.reverse)[0]
    gate, memory = (
        f"{_named(layer, layer.cell.retain_gate or '')} gate {layer.cell.retain_gate}",
        layer.cell.memory_state,
    )
    first, last = ("last", "first") if layer.reverse else ("first", "last")
    middle, longest = (_tokens(float(halves[place])) for place in (len(halves) // 2, -1))
    several = kept.shape[2] > 1
    half = (
        f"half of a middling unit's memory is gone after {middle}, of the most lasting one's after {longest}"
    )
    most = f" ({percent(float(left.max()))} in the unit that keeps most)"
    return (
        f"The {gate} keeps: it is open to {float(kept.mean()):.2f} on average, so "
        f"{half if several else f'half of what this unit holds is gone after {middle}'}. "
        f"It read {len(kept):,} tokens: of what the {first} one wrote into {memory}, "
        f"{percent(float(left.mean()))} is left after the {last}{most if several else ''}."
    )


def _moves(layer: "LayerTrace") -> str:
    """How fast each state changes, the slowest first; nothing for a single token."""
    from ..lens.readers.view import relative_state_change

    moved = {state: relative_state_change(layer, state)[:, 0].nanmean().item() for state in layer.cell.states}
    if any(math.isnan(value) for value in moved.values()):
        return ""
    order = sorted(moved, key=moved.__getitem__)
    parts = [
        f"{_named(layer, state)} {state} moves by {100 * moved[state]:.0f}% of its size" for state in order
    ]
    return f"From token to token the {', the '.join(parts)}."


def _tokens(steps: float) -> str:
    if math.isinf(steps):
        return "no number of tokens"
    return f"{steps:.1f} tokens" if steps < 10 else f"{steps:,.0f} tokens"


def _say_what_else(console: Console, view: "View", shown: "list[LayerTrace]") -> None:
    others = [_where(one) for one in view.trace.layers if not any(one is other for other in shown)]
    if others:
        console.print()
        print_text(console, f"Not shown: {', '.join(others)} (--layer, --direction).", "dim")


def _as_json(
    view: "View", layers: "list[LayerTrace]", wanted: tuple[str, ...], unit: int | None
) -> dict[str, object]:
    plain = view.answer.as_dict()
    return {
        "question": view.question.question,
        "answer": plain.pop("text"),
        **plain,
        "tokens": list(view.tokens),
        "layers": [
            {
                "layer": one.layer,
                "direction": "reverse" if one.reverse else "forward",
                "cell": one.cell.name,
                "keeps": one.cell.retain_gate,
                "unit": unit,
                "gates": {line.name: _plain(line.values) for line in _lines(one, wanted, unit) if line.gate},
                "moves": {
                    line.name: _plain(line.values) for line in _lines(one, wanted, unit) if not line.gate
                },
            }
            for one in layers
        ],
    }


def _plain(values: list[float]) -> list[float | None]:
    """The values for JSON, which has no NaN."""
    return [None if math.isnan(value) else value for value in values]
