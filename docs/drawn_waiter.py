"""The pictures of guide/remember.md: the waiter who forgets beside the one who remembers."""

from collections.abc import Sequence
from typing import Any

import torch
from drawing import curves, row, strip
from torch import Tensor

from keepgate import lens
from keepgate.charts import Axis, Curve, linear, logarithmic
from keepgate.compare.words import decade, size

STYLES = {"forgets": 1, "remembers": 3}

WORDS = {
    "en": {
        "forgets": "torch's bias", "remembers": "chrono bias", "f": "forget f", "i": "input i", "o": "output o",
        "before": "The gates of the waiter who forgets", "after": "The gates of the waiter who remembers",
        "gradient": "How much of the gradient arrives so many words back", "lag": "words back from the end",
        "share": "gradient relative to the end (logarithmic)", "told": "{name}: {values}.",
        "left": "What is left of “{token}” after so many more words", "later": "words later", "kept": "share that is left",
    },
    "zh": {
        "forgets": "torch 的偏置", "remembers": "chrono 偏置", "f": "遺忘 f", "i": "輸入 i", "o": "輸出 o",
        "before": "健忘的服務生的閘門", "after": "記得住的服務生的閘門",
        "gradient": "梯度往回傳若干個詞之後還剩多少", "lag": "從結尾往回數的詞數",
        "share": "相對於結尾的梯度（對數）", "told": "{name}：{values}。",
        "left": "「{token}」寫入的內容，再讀若干個詞之後還剩多少", "later": "之後又讀了幾個詞", "kept": "剩下的比例",
    },
}  # fmt: skip


def waiter_figures(names: dict[str, Any], language: str) -> dict[str, str]:
    """The page's pictures by name, from what its Python left behind."""
    words, said = WORDS[language], names["said"]
    traces = {}
    for style, name in (("forgets", "forgetful"), ("remembers", "waiter")):
        with torch.no_grad(), lens.attach(names[name]) as seen:
            names[name](names["evening"])
        traces[style] = seen["lstm"].trace.layer(0)
    gradients = {"forgets": names["diagnosis"].gradient, "remembers": names["untrained"].gradient}
    left = {style: lens.fate(trace, 0).left for style, trace in traces.items()}
    everything = [float(value) for line in gradients.values() for value in line]
    quarters = linear(0, 1, [(quarter / 4, f"{25 * quarter}%") for quarter in range(5)])
    titled = words | {"left": words["left"].format(token=said[0])}
    return {
        "waiter-before": _gates(said, traces["forgets"], words["before"], words),
        "waiter-after": _gates(said, traces["remembers"], words["after"], words),
        "waiter-gradient": _both(gradients, logarithmic(everything, decade), words, ("gradient", "lag", "share")),
        "waiter-left": _both(left, quarters, titled, ("left", "later", "kept")),
    }


def _gates(said: Sequence[str], trace: Any, title: str, words: dict[str, str]) -> str:
    rows = [row(words[gate], gate, trace[gate][: len(said), 0].mean(1).tolist()) for gate in "fio"]
    return strip(said, rows, title)


def _both(lines: dict[str, Tensor], y: Axis, words: dict[str, str], names: tuple[str, str, str]) -> str:
    """Two curves over the words of an evening."""
    last = len(lines["forgets"]) - 1
    places = (0, 1, 3, 4, 5, 10, 20, last)
    told, drawn = [], []
    for name, line in lines.items():
        values = ", ".join(f"{k}: {size(float(line[k]))}" for k in places)
        told.append(words["told"].format(name=words[name], values=values))
        drawn.append(Curve(name=words[name], style=STYLES[name], xs=range(last + 1), ys=line.tolist()))
    x = linear(0, last, [(step, str(step)) for step in range(0, last + 1, 10)])
    title, x_name, y_name = (words[name] for name in names)
    return curves(drawn, x, y, (title, x_name, y_name), " ".join(told))
