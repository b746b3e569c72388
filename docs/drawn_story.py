"""The pictures of guide/story.md: one sentence in four networks, and what the comparison measured of them."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docs.drawing import WIDTH, curves, row, standalone, strip, words_of
from keepgate import lens
from keepgate.charts import Axis, Curve, Level, draw_step, linear, logarithmic
from keepgate.demo.report.labels import render
from keepgate.wording import decade, known_percent, msg, percent, scientific

RESULT = Path(__file__).parent.parent / "bench" / "results" / "stories.json"
STYLES = {
    name: style for style, name in enumerate(("feedforward", "rnn", "lstm-zero", "lstm-chrono", "gru-chrono"))
}
SENTENCE = 11  # characters of 魯夫說他想成為海賊王。


def story_figures(names: dict[str, Any], language: str) -> dict[str, str]:
    """The page's pictures by name, from what its Python left behind and from what `keepgate compare` measured."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    readings = names["readings"]
    return {
        "accuracy": _accuracy(result, language),
        "gradient": _gradient(result, language),
        "step": _step(language),
        "gates-lstm": _gates(readings["lstm-chrono"], "fio", language),
        "gates-gru": _gates(readings["gru-chrono"], "zr", language),
        "carriers": _carriers(readings, language),
        "left": _left(readings, language),
    }


def _name(network: str, language: str, scale: str = "") -> str:
    return render(msg(f"short.{network}", scale=scale), language)


def _said(key: str, language: str, **parts: str) -> str:
    return render(msg(key, **parts), language)


def _accuracy(result: dict[str, Any], language: str) -> str:
    lengths, lines, told = result["lengths"], [], []
    for network in result["networks"]:
        if not network["runs"]:
            continue
        right = [[run["accuracy"][str(length)] for run in network["runs"]] for length in lengths]
        means = [sum(each) / len(each) for each in right]
        name = _name(network["name"], language)
        lines.append(
            Curve(
                name=name, style=STYLES[network["name"]], xs=lengths, ys=means,
                lows=[min(each) for each in right], highs=[max(each) for each in right],
            )
        )  # fmt: skip
        told.append(
            f"{name}: " + ", ".join(f"{n}: {percent(mean)}" for n, mean in zip(lengths, means, strict=True))
        )
    low, high = math.log(lengths[0]), math.log(lengths[-1])
    x = Axis(ticks=tuple((n, str(n)) for n in lengths), scale=lambda n: (math.log(n) - low) / (high - low))
    y = linear(0, 1, [(quarter / 4, f"{25 * quarter}%") for quarter in range(5)])
    chance = Level(
        value=result["chance"],
        name=_said("accuracy.chance", language, chance=known_percent(result["chance"])),
    )
    words = _titles("accuracy.title", "accuracy.x", "accuracy.y", language=language)
    return curves(lines, x, y, words, "; ".join(told), language, [chance])


def _gradient(result: dict[str, Any], language: str) -> str:
    lines, told = [], []
    for network in result["networks"]:
        if network["before"] is None:
            continue
        name = _name(network["name"], language, f"{network['scale']:g}")
        style = STYLES.get(network["name"], len(STYLES))
        lags, values = network["before"]["lags"], [float(value) for value in network["before"]["values"]]
        lines.append(Curve(name=name, style=style, xs=lags[::3], ys=values[::3]))
        told.append(
            f"{name}: " + ", ".join(f"{lag}: {scientific(values[lag])}" for lag in (1, 10, 50, 100, 300))
        )
    y = logarithmic([value for line in lines for value in line.ys], decade)
    x = linear(0, 300, [(lag, str(lag)) for lag in range(0, 301, 50)])
    words = _titles("gradient.title_before", "gradient.x", "gradient.y", language=language)
    return curves(lines, x, y, words, "; ".join(told), language)


def _titles(*keys: str, language: str) -> tuple[str, str, str]:
    title, x_name, y_name = (_said(key, language) for key in keys)
    return title, x_name, y_name


def _step(language: str) -> str:
    words = {letter: _said(f"explain.box_{letter}", language) for letter in "figo"}
    told = (_said("explain.diagram", language), _said("explain.diagram_desc", language), words)
    return standalone(draw_step("figure", *told, WIDTH, "diagram"), language)


def _gates(reading: lens.readers.Reading, gates: str, language: str) -> str:
    layer = reading.trace.layer(0)
    rows = [
        row(_said(f"gates.row_{gate}", language), gate, layer[gate][:SENTENCE, 0].mean(1).tolist())
        for gate in gates
    ]
    tokens = reading.tokens.texts[:SENTENCE]
    return strip(tokens, rows, _said("gates.title", language, network=layer.cell.name.upper()), language)


def _carriers(readings: dict[str, lens.readers.Reading], language: str) -> str:
    words, layer = words_of("story", language), readings["lstm-chrono"].trace.layer(0)
    sizes = [lens.memory.write_retention(layer, step).size for step in range(SENTENCE)]
    rows = [row(words["written"], "i", sizes, full=max(sizes))]
    for name in ("lstm", "gru"):
        shares = {
            one.step: one.probability_drop for one in lens.readers.token_effects(readings[f"{name}-chrono"])
        }
        # A character that speaks against the answer carries nothing of it.
        rows.append(row(words[name], "c", [max(0.0, shares[step]) for step in range(SENTENCE)]))
    return strip(readings["lstm-chrono"].tokens.texts[:SENTENCE], rows, words["carriers"], language)


def _left(readings: dict[str, lens.readers.Reading], language: str) -> str:
    lines, told = [], []
    for name in ("lstm-zero", "lstm-chrono", "gru-chrono"):
        left = _follow(readings[name])
        lines.append(Curve(name=_name(name, language), style=STYLES[name], xs=range(len(left)), ys=left))
        values = ", ".join(f"{k}: {scientific(left[k])}" for k in (1, 10, 100, len(left) - 1))
        told.append(f"{_name(name, language)}: {values}")
    last = len(lines[0].ys) - 1
    y = logarithmic([value for line in lines for value in line.ys], decade)
    x = linear(0, last, [(step, str(step)) for step in range(0, last + 1, 50)])
    words = words_of("story", language)
    return curves(lines, x, y, (words["left"], words["later"], words["kept"]), "; ".join(told), language)


def _follow(reading: lens.readers.Reading) -> Sequence[float]:
    """What is left of the write at 夫, from itself on."""
    return lens.memory.write_retention(reading.trace.layer(0), 1).retained[1:].tolist()
