"""The pictures of guide/remember.md: the waiter who forgets beside the one who remembers."""

from collections.abc import Sequence
from typing import Any

import torch
from standalone import WIDTH, standalone
from torch import Tensor

from keepgate import lens
from keepgate.charts import Curve, Curves, Row, draw_curves, draw_strip, linear, logarithmic
from keepgate.compare.words import decade, size

FORGETS, REMEMBERS = 1, 3  # their styles in both curves

WORDS = {
    "en": {
        "forgets": "torch's bias", "remembers": "chrono bias", "f": "forget f", "i": "input i", "o": "output o",
        "before": "The gates of the waiter who forgets", "after": "The gates of the waiter who remembers",
        "at": "{token}: forget {f}, input {i}, output {o}.",
        "gradient": "How much of the gradient arrives so many words back", "lag": "words back from the end",
        "share": "gradient relative to the end (logarithmic)", "value": "{value} at {place}", "told": "{name}: {values}.",
        "left": "What is left of “{token}” after each word", "word": "word of the evening", "kept": "share of the write",
    },
    "zh": {
        "forgets": "torch 的偏置", "remembers": "chrono 偏置", "f": "遺忘 f", "i": "輸入 i", "o": "輸出 o",
        "before": "健忘的服務生的閘門", "after": "記得住的服務生的閘門",
        "at": "{token}：遺忘 {f}，輸入 {i}，輸出 {o}。",
        "gradient": "梯度往回傳若干個詞之後還剩多少", "lag": "從結尾往回數的詞數",
        "share": "相對於結尾的梯度（對數）", "value": "{place} 處 {value}", "told": "{name}：{values}。",
        "left": "「{token}」寫入的內容，每個詞之後還剩多少", "word": "這個晚上的第幾個詞", "kept": "剩下的比例",
    },
}  # fmt: skip


def waiter_figures(names: dict[str, Any], language: str) -> dict[str, str]:
    """The page's pictures by name, from what its Python left behind."""
    words = WORDS[language]
    traces = {}
    for name in ("forgetful", "waiter"):
        with torch.no_grad(), lens.attach(names[name]) as seen:
            names[name](names["evening"])
        traces[name] = seen["lstm"].trace.layer(0)
    said = names["said"]
    return {
        "waiter-before": _gates(said, traces["forgetful"], words["before"], words),
        "waiter-after": _gates(said, traces["waiter"], words["after"], words),
        "waiter-gradient": _gradient(names["diagnosis"].gradient, names["untrained"].gradient, words),
        "waiter-left": _left([lens.fate(trace, 0).left for trace in traces.values()], said[0], words),
    }


def _gates(said: Sequence[str], trace: Any, title: str, words: dict[str, str]) -> str:
    values = {gate: trace[gate][: len(said), 0].mean(1).tolist() for gate in "fio"}
    written = {gate: [f"{value:.2f}" for value in line] for gate, line in values.items()}
    rows = [
        Row(name=words[gate], kind=gate, values=values[gate], written=written[gate]) for gate in values
    ]
    told = " ".join(
        words["at"].format(token=token, **{gate: written[gate][k] for gate in written})
        for k, token in enumerate(said)
    )
    return standalone(draw_strip(said, rows, "figure", title, told, WIDTH, "strip"))


def _gradient(forgets: Tensor, remembers: Tensor, words: dict[str, str]) -> str:
    lines = {"forgets": forgets.tolist(), "remembers": remembers.tolist()}
    everything = [value for line in lines.values() for value in line]
    x = linear(0, len(forgets) - 1, [(lag, str(lag)) for lag in range(0, len(forgets), 10)])
    return _curves(lines, x, logarithmic(everything, decade), words, ("gradient", "lag", "share"))


def _left(lines: Sequence[Tensor], token: str, words: dict[str, str]) -> str:
    both = {"forgets": lines[0].tolist(), "remembers": lines[1].tolist()}
    last = len(lines[0]) - 1
    x = linear(0, last, [(step, str(step + 1)) for step in (0, 4, 9, 19, 29, 39, 49, 59)])
    y = linear(0, 1, [(quarter / 4, f"{25 * quarter} %") for quarter in range(5)])
    return _curves(both, x, y, words | {"left": words["left"].format(token=token)}, ("left", "word", "kept"))


def _curves(
    lines: dict[str, list[float]], x: Any, y: Any, words: dict[str, str], names: tuple[str, str, str]
) -> str:
    """Two curves over the words of an evening."""
    places = (0, 1, 4, 5, 10, len(next(iter(lines.values()))) - 1)
    told = []
    for name, line in lines.items():
        values = ", ".join(words["value"].format(value=size(line[k]), place=k) for k in places)
        told.append(words["told"].format(name=words[name], values=values))
    title, x_name, y_name = (words[name] for name in names)
    curves = [
        Curve(name=words[name], style=style, xs=range(len(line)), ys=line)
        for (name, line), style in zip(lines.items(), (FORGETS, REMEMBERS), strict=True)
    ]
    content = Curves(
        title=title, description=" ".join(told), x=x, y=y, x_name=x_name, y_name=y_name, curves=curves
    )
    return standalone(draw_curves(content, "figure", WIDTH, 320.0, "curves"))
