"""The pictures of guide/story.md: one sentence in four networks, and what the comparison measured of them."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drawing import WIDTH, curves, row, standalone, strip

from keepgate import lens
from keepgate.charts import Axis, Curve, Level, draw_step, linear, logarithmic
from keepgate.compare.words import decade, exact, say, share, size, speak

RESULT = Path(__file__).parent.parent / "bench" / "results" / "stories.json"
STYLES = {name: style for style, name in enumerate(("feedforward", "rnn", "lstm-zero", "lstm-chrono", "gru-chrono"))}
SENTENCE = 11  # characters of 魯夫說他想成為海賊王。

WORDS = {
    "en": {
        "carriers": "How much is written at each character, and how much of the answer's probability goes with it",
        "written": "LSTM writes", "lstm-chrono": "carries, LSTM", "gru-chrono": "carries, GRU", "left": "What is left of the write at 夫 after so many more characters",
        "later": "characters later", "kept": "share that is left (logarithmic)",
    },
    "zh": {
        "carriers": "每個字寫入多少，少了它的寫入，答案的機率又少掉多少",
        "written": "LSTM 寫入", "lstm-chrono": "LSTM 靠它", "gru-chrono": "GRU 靠它", "left": "在「夫」寫入的內容，再讀若干個字之後還剩多少",
        "later": "之後又讀了幾個字", "kept": "剩下的比例（對數）",
    },
}  # fmt: skip


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
    return speak(say(f"short.{network}", scale=scale), language)


def _said(key: str, language: str, **parts: str) -> str:
    return speak(say(key, **parts), language)


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
        told.append(f"{name}: " + ", ".join(f"{n}: {share(mean)}" for n, mean in zip(lengths, means, strict=True)))
    low, high = math.log(lengths[0]), math.log(lengths[-1])
    x = Axis(ticks=tuple((n, str(n)) for n in lengths), scale=lambda n: (math.log(n) - low) / (high - low))
    y = linear(0, 1, [(quarter / 4, f"{25 * quarter}%") for quarter in range(5)])
    chance = Level(value=result["chance"], name=_said("accuracy.chance", language, chance=exact(result["chance"])))
    words = _titles("accuracy.title", "accuracy.x", "accuracy.y", language=language)
    return curves(lines, x, y, words, "; ".join(told), [chance])


def _gradient(result: dict[str, Any], language: str) -> str:
    lines, told = [], []
    for network in result["networks"]:
        if network["before"] is None:
            continue
        name = _name(network["name"], language, f"{network['scale']:g}")
        style = STYLES.get(network["name"], len(STYLES))
        lags, values = network["before"]["lags"], [float(value) for value in network["before"]["values"]]
        lines.append(Curve(name=name, style=style, xs=lags[::3], ys=values[::3]))
        told.append(f"{name}: " + ", ".join(f"{lag}: {size(values[lag])}" for lag in (1, 10, 50, 100, 300)))
    y = logarithmic([value for line in lines for value in line.ys], decade)
    x = linear(0, 300, [(lag, str(lag)) for lag in range(0, 301, 50)])
    words = _titles("gradient.title_before", "gradient.x", "gradient.y", language=language)
    return curves(lines, x, y, words, "; ".join(told))


def _titles(*keys: str, language: str) -> tuple[str, str, str]:
    title, x_name, y_name = (_said(key, language) for key in keys)
    return title, x_name, y_name


def _step(language: str) -> str:
    words = {letter: _said(f"explain.box_{letter}", language) for letter in "figo"}
    told = (_said("explain.diagram", language), _said("explain.diagram_desc", language), words)
    return standalone(draw_step("figure", *told, WIDTH, "diagram"))


def _gates(reading: lens.Reading, gates: str, language: str) -> str:
    layer = reading.trace.layer(0)
    rows = [
        row(_said(f"gates.row_{gate}", language), gate, layer[gate][:SENTENCE, 0].mean(1).tolist()) for gate in gates
    ]
    tokens = reading.tokens.texts[:SENTENCE]
    return strip(tokens, rows, _said("gates.title", language, network=layer.cell.name.upper()))


def _carriers(readings: dict[str, lens.Reading], language: str) -> str:
    layer = readings["lstm-chrono"].trace.layer(0)
    sizes = [lens.fate(layer, step).size for step in range(SENTENCE)]
    rows = [row(WORDS[language]["written"], "i", sizes, full=max(sizes))]
    for name, kind in (("lstm-chrono", "c"), ("gru-chrono", "c")):
        shares = {one.step: one.share for one in lens.carriers(readings[name])}
        # A character that speaks against the answer carries nothing of it.
        rows.append(row(WORDS[language][name], kind, [max(0.0, shares[step]) for step in range(SENTENCE)]))
    return strip(readings["lstm-chrono"].tokens.texts[:SENTENCE], rows, WORDS[language]["carriers"])


def _left(readings: dict[str, lens.Reading], language: str) -> str:
    lines, told = [], []
    for name in ("lstm-zero", "lstm-chrono", "gru-chrono"):
        left = _follow(readings[name])
        lines.append(Curve(name=_name(name, language), style=STYLES[name], xs=range(len(left)), ys=left))
        values = ", ".join(f"{k}: {size(left[k])}" for k in (1, 10, 100, len(left) - 1))
        told.append(f"{_name(name, language)}: {values}")
    last = len(lines[0].ys) - 1
    y = logarithmic([value for line in lines for value in line.ys], decade)
    x = linear(0, last, [(step, str(step)) for step in range(0, last + 1, 50)])
    words = WORDS[language]
    return curves(lines, x, y, (words["left"], words["later"], words["kept"]), "; ".join(told))


def _follow(reading: lens.Reading) -> Sequence[float]:
    """What is left of the write at 夫, from itself on."""
    return lens.fate(reading.trace.layer(0), 1).left[1:].tolist()
