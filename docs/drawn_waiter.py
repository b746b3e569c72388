"""The pictures of guide/remember.md: the waiter who forgets beside the one who remembers."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from docs.drawing import curves, row, strip, words_of
from keepgate import lens
from keepgate.charts import Axis, Curve, linear, logarithmic
from keepgate.wording import decade, scientific

STYLES = {"forgets": 1, "remembers": 3}


def waiter_figures(names: dict[str, Any], language: str) -> dict[str, str]:
    """The page's pictures by name, from what its Python left behind."""
    said = names["said"]
    traces = {}
    for style, name in (("forgets", "forgetful"), ("remembers", "waiter")):
        with torch.no_grad(), lens.attach(names[name]) as seen:
            names[name](names["evening"])
        traces[style] = seen["lstm"].trace.layer(0)
    gradients = {"forgets": names["diagnosis"].gradient, "remembers": names["untrained"].gradient}
    left = {style: lens.memory.write_retention(trace, 0).retained for style, trace in traces.items()}
    everything = [float(value) for line in gradients.values() for value in line]
    quarters = linear(0, 1, [(quarter / 4, f"{25 * quarter}%") for quarter in range(5)])
    return {
        "waiter-before": _gates(said, traces["forgets"], "before", language),
        "waiter-after": _gates(said, traces["remembers"], "after", language),
        "waiter-gradient": _both(
            gradients, logarithmic(everything, decade), ("gradient", "lag", "share"), said, language
        ),
        "waiter-left": _both(left, quarters, ("left", "later", "kept"), said, language),
    }


def _gates(said: Sequence[str], trace: Any, title: str, language: str) -> str:
    words = words_of("waiter", language)
    rows = [row(words[gate], gate, trace[gate][: len(said), 0].mean(1).tolist()) for gate in "fio"]
    return strip(said, rows, words[title], language)


def _both(
    lines: dict[str, Tensor], y: Axis, names: tuple[str, str, str], said: Sequence[str], language: str
) -> str:
    """Two curves over the words of an evening. names: the title's, and the axes'."""
    words = words_of("waiter", language)
    last = len(lines["forgets"]) - 1
    places = (0, 1, 3, 4, 5, 10, 20, last)
    told, drawn = [], []
    for name, line in lines.items():
        values = ", ".join(f"{k}: {scientific(float(line[k]))}" for k in places)
        told.append(f"{words[name]}: {values}.")
        drawn.append(Curve(name=words[name], style=STYLES[name], xs=range(last + 1), ys=line.tolist()))
    x = linear(0, last, [(step, str(step)) for step in range(0, last + 1, 10)])
    title, x_name, y_name = (words[name].format(token=said[0]) for name in names)
    return curves(drawn, x, y, (title, x_name, y_name), " ".join(told), language)
