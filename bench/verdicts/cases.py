"""The hundred: a model, its data, how it was trained, and what is so of it by construction."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import nn

from bench.verdicts import models
from bench.verdicts.problems import Keyword, Marked, NextToken, Problem, Rows, Series, Tags
from bench.verdicts.training import Kind, Setup

Truth = Literal[
    "healthy", "forgets", "untrained", "overfitted", "padding", "saturated", "exploding", "no signal", "data"
]
Spoilt = Literal["nan", "one class", "labels", "shape", "shuffled", "scale", "diverged"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model with its planted situation.

    also: what is true of it besides. spoilt: what is wrong with the data that it is trained or examined with.
    """

    name: str
    truth: Truth
    problem: Problem
    network: type[nn.Module]
    kind: Kind = "class"
    setup: Setup = Setup()
    options: dict[str, Any] = field(default_factory=dict)
    also: tuple[Truth, ...] = ()
    spoilt: Spoilt | None = None

    def spoil(self, rows: Rows, examined: bool) -> Rows:
        """The rows with the planted fault of the data; some faults are only in what is examined."""
        y, x = rows.y, rows.x
        if self.spoilt == "shuffled":
            return replace(rows, y=y.roll(1, 0))
        if self.spoilt == "one class":
            return replace(rows, y=torch.ones_like(y))
        if self.spoilt == "scale":
            return replace(rows, y=1000 + 200 * y)
        if examined and self.spoilt == "nan":
            x = x.clone()
            x[3, 5] = float("nan")
        if examined and self.spoilt == "labels":
            y = y.clone()
            y[7] = 9
        if examined and self.spoilt == "shape":
            y = torch.stack([y, y], 1)
        return replace(rows, x=x, y=y)


def cases() -> list[Case]:
    return [
        *healthy(), *forgets(), *untrained(), *overfitted(), *padding(), *badly_scaled(), *no_signal(), *bad_data()
    ]  # fmt: skip


def healthy() -> Iterator[Case]:
    lengths = Setup(lengths=True)
    ragged, short = Keyword(steps=24, shortest=6), Keyword(steps=14)
    late, far_off = Keyword(steps=30, place="end"), Keyword(steps=40, place="end", shortest=6)

    def case(name: str, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"healthy {name}", truth="healthy", network=network, problem=problem, **more)

    yield case("last step, answer near", models.LastStep, late)
    yield case("last step, answer anywhere", models.LastStep, short, setup=Setup(iterations=300))
    yield case("GRU last step, answer near", models.LastStep, late, options={"cell": "GRU"})
    yield case("RNN last step, answer near", models.LastStep, late, options={"cell": "RNN"})
    yield case("packed, answer near", models.LastStep, far_off, setup=lengths)
    yield case("packed, answer anywhere", models.LastStep, ragged, setup=Setup(lengths=True, iterations=350, remember=24))
    yield case("gathered, answer anywhere", models.Gathered, ragged, setup=Setup(lengths=True, iterations=300))
    yield case("padded left", models.LastStep, Keyword(steps=30, shortest=6, place="end", padding="left"))
    yield case("mean, masked", models.MeanPool, ragged, setup=lengths)
    yield case("mean, equally long", models.MeanPool, Keyword(steps=30))
    yield case("mean, both directions", models.MeanPool, Keyword(steps=24), options={"bidirectional": True})
    yield case("maximum, masked", models.MaxPool, ragged, setup=lengths)
    yield case("maximum, both directions", models.MaxPool, Keyword(steps=24), options={"bidirectional": True})
    yield case("attention, masked", models.Attention, ragged, setup=lengths)
    yield case("attention, answer at the start", models.Attention, Keyword(steps=36, place="start"))
    yield case("both directions, answer at the start", models.Both, Keyword(steps=30, place="start"))
    yield case("both directions, packed", models.Both, Keyword(steps=24, shortest=6), setup=Setup(lengths=True, iterations=350))
    yield case("two layers", models.Both, late, options={"layers": 2, "both": False})
    yield case("convolution in front", models.Convolved, late)
    yield case("convolution with stride 2, mean", models.Convolved, Keyword(steps=32), options={"stride": 2, "pool": "mean"})
    yield case("time first, dict, dropout", models.TimeFirst, late)
    yield case("one number [N]", models.Numbers, Marked(steps=20, place="end"), kind="number", options={"squeeze": True})
    yield case("one number [N, 1]", models.Numbers, Marked(steps=12, outputs=1), kind="number", setup=Setup(iterations=350))
    yield case("three numbers after batch norm", models.Numbers, Marked(steps=16, outputs=3, place="end"), kind="number",
               setup=Setup(iterations=350), options={"features": 4, "outputs": 3, "norm": True})
    yield case("one logit", models.Numbers, Marked(steps=20, place="end", sign=True), kind="logit", options={"squeeze": True})
    yield case("tagger", models.Tagger, Tags(), kind="steps")
    yield case("tagger, both directions, padded", models.Tagger, Tags(shortest=5), kind="steps", setup=lengths, options={"bidirectional": True})
    yield case("language model", models.Tagger, NextToken(), kind="steps", options={"outputs": 9, "cell": "GRU"})
    yield case("forecaster", models.Numbers, Series(), kind="number", options={"features": 1, "squeeze": True})
    yield case("forecaster, four ahead", models.Numbers, Series(ahead=4), kind="number", setup=Setup(iterations=350),
               options={"features": 1, "outputs": 4, "cell": "GRU"})  # fmt: skip


def forgets() -> Iterator[Case]:
    long, start = Keyword(steps=44, place="start"), Keyword(steps=44, shortest=4, place="start")
    lengths, brief = Setup(lengths=True), Setup(lengths=True, iterations=200)

    def case(name: str, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"forgets {name}", truth="forgets", network=network, problem=problem, **more)

    yield case("packed LSTM, rows of 4 to 60", models.LastStep, start, setup=brief)
    yield case("packed GRU, rows of 4 to 90", models.LastStep, Keyword(steps=44, shortest=4, place="start"), setup=lengths, options={"cell": "GRU"})
    yield case("packed RNN, rows of 4 to 60", models.LastStep, start, setup=brief, options={"cell": "RNN"})
    yield case("gathered RNN", models.Gathered, start, setup=lengths, options={"cell": "RNN"})
    yield case("gathered LSTM", models.Gathered, start, setup=brief, options={"cell": "LSTM"})
    yield case("two layers, packed", models.Both, start, setup=brief, options={"layers": 2, "both": False})
    yield case("packed LSTM, answer anywhere", models.LastStep, Keyword(steps=44, shortest=4), setup=lengths)
    yield case("packed RNN, answer anywhere", models.LastStep, Keyword(steps=44, shortest=4), setup=brief, options={"cell": "RNN"})
    yield case("last step LSTM, answer anywhere", models.LastStep, Keyword(steps=44), setup=Setup(iterations=200))
    yield case("last step RNN, answer anywhere", models.LastStep, Keyword(steps=44), options={"cell": "RNN"}, setup=Setup(iterations=200))
    yield case("convolution in front, answer anywhere", models.Convolved, Keyword(steps=44), setup=Setup(iterations=200))
    yield case("time first, answer anywhere", models.TimeFirst, Keyword(steps=44), setup=Setup(iterations=200))
    yield case("one number, marked anywhere", models.Numbers, Marked(steps=44), kind="number", options={"squeeze": True}, setup=Setup(iterations=200))
    yield case("one number, packed, marked at the start", models.Numbers, Marked(steps=44, shortest=3, place="start"), kind="number",
               setup=brief, options={"squeeze": True})
    yield case("three numbers, RNN, marked anywhere", models.Numbers, Marked(steps=40, outputs=3), kind="number",
               options={"features": 4, "outputs": 3, "cell": "RNN"}, setup=Setup(iterations=200))
    yield case("last step LSTM, answer at the start", models.LastStep, long)
    yield case("last step RNN, answer at the start", models.LastStep, Keyword(steps=44, place="start"), options={"cell": "RNN"})
    yield case("forecaster, value 30 back", models.Numbers, Series(steps=40, lag=30), kind="number", options={"features": 1, "squeeze": True})
    yield case("language model, period 14", models.Tagger, NextToken(steps=42, period=14), kind="steps", options={"outputs": 9, "cell": "RNN"})
    yield case("tagger, by the first token", models.Tagger, Tags(steps=44, shortest=3, back=None), kind="steps",
               setup=lengths, options={"cell": "RNN"})  # fmt: skip


def untrained() -> Iterator[Case]:
    none, few = Setup(iterations=0), Setup(iterations=15)
    near = Keyword(steps=12, place="end")

    def case(name: str, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"untrained {name}", truth="untrained", network=network, problem=problem, **more)

    yield case("last step", models.LastStep, near, setup=none)
    yield case("GRU, a few steps", models.LastStep, near, setup=few, options={"cell": "GRU"})
    yield case("packed", models.LastStep, Keyword(steps=16, shortest=6, place="end"), setup=Setup(lengths=True, iterations=0))
    yield case("mean, a few steps", models.MeanPool, Keyword(steps=12), setup=few)
    yield case("attention", models.Attention, Keyword(steps=12), setup=none)
    yield case("both directions", models.Both, Keyword(steps=8), setup=none)
    yield case("one number", models.Numbers, Marked(steps=8, place="end"), kind="number", setup=none, options={"squeeze": True})
    yield case("tagger", models.Tagger, Tags(steps=10), kind="steps", setup=few)
    yield case("forecaster", models.Numbers, Series(steps=12), kind="number", setup=none, options={"features": 1, "squeeze": True})
    yield case("one logit", models.Numbers, Marked(steps=8, place="end", sign=True), kind="logit", setup=few, options={"squeeze": True})  # fmt: skip


def overfitted() -> Iterator[Case]:
    few, packed = Setup(rows=40, iterations=300), Setup(rows=40, iterations=300, lengths=True)

    def case(name: str, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"overfitted {name}", truth="overfitted", network=network, problem=problem, **more)

    yield case("last step", models.LastStep, Keyword(steps=12), setup=few)
    yield case("GRU", models.LastStep, Keyword(steps=16), setup=few, options={"cell": "GRU"})
    yield case("packed", models.LastStep, Keyword(steps=16, shortest=6), setup=packed)
    yield case("mean", models.MeanPool, Keyword(steps=24), setup=few)
    yield case("maximum", models.MaxPool, Keyword(steps=24), setup=few, options={"bidirectional": True})
    yield case("attention", models.Attention, Keyword(steps=24), setup=few)
    yield case("both directions", models.Both, Keyword(steps=16), setup=few)
    yield case("two layers", models.Both, Keyword(steps=12), setup=few, options={"layers": 2})
    yield case("three numbers", models.Numbers, Marked(steps=12, outputs=3), kind="number",
               setup=Setup(rows=24, iterations=400), options={"features": 4, "outputs": 3})
    yield case("tagger", models.Tagger, Tags(steps=10, back=3), kind="steps", setup=Setup(rows=24, iterations=300))  # fmt: skip


def padding() -> Iterator[Case]:
    ragged = Keyword(steps=44, shortest=4)

    def case(name: str, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"padding {name}", truth="padding", network=network, problem=problem, **more)

    yield case("last step LSTM", models.LastStep, Keyword(steps=50, shortest=4, place="end"))
    yield case("last step GRU", models.LastStep, Keyword(steps=50, shortest=4, place="end"), options={"cell": "GRU"})
    yield case("last step RNN", models.LastStep, Keyword(steps=50, shortest=4, place="end"), options={"cell": "RNN"})
    yield case("last step LSTM, answer anywhere", models.LastStep, ragged, also=("forgets",))
    yield case("gathered without lengths", models.Gathered, Keyword(steps=50, shortest=4, place="end"))
    yield case("two layers", models.Both, Keyword(steps=44, shortest=4, place="end"), options={"layers": 2, "both": False})
    yield case("both directions", models.Both, Keyword(steps=50, shortest=4, place="end"))
    yield case("convolution in front", models.Convolved, Keyword(steps=50, shortest=4, place="end"))
    yield case("mean of short texts among long", models.MeanPool, Keyword(steps=60, shortest=3), setup=Setup(iterations=120))
    yield case("one number", models.Numbers, Marked(steps=44, shortest=4, place="end"), kind="number", options={"squeeze": True})
    yield case("three numbers", models.Numbers, Marked(steps=44, shortest=4, place="end", outputs=3), kind="number",
               options={"features": 4, "outputs": 3})
    yield case("one logit", models.Numbers, Marked(steps=44, shortest=4, place="end", sign=True), kind="logit", options={"squeeze": True})
    yield case("numbers after batch norm", models.Numbers, Marked(steps=44, shortest=4, place="end"), kind="number",
               options={"squeeze": True, "norm": True})  # fmt: skip


def badly_scaled() -> Iterator[Case]:
    def case(name: str, truth: Truth, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"{truth} {name}", truth=truth, network=network, problem=problem, **more)

    number = {"squeeze": True}
    yield case("numbers in hundreds", "saturated", models.Numbers, Marked(steps=16, place="end", scale=300), kind="number", options=number)
    yield case("numbers in hundreds, GRU", "saturated", models.Numbers, Marked(steps=16, place="end", scale=300), kind="number", options=number | {"cell": "GRU"})
    yield case("large weights", "saturated", models.LastStep, Keyword(steps=24), setup=Setup(gain=15), also=("exploding", "forgets"))
    yield case("large weights, three numbers", "saturated", models.Numbers, Marked(steps=20, outputs=3), kind="number",
               setup=Setup(gain=20), options={"features": 4, "outputs": 3}, also=("exploding", "forgets"))
    yield case("RNN with large weights", "exploding", models.LastStep, Keyword(steps=30), setup=Setup(gain_hh=6, iterations=0),
               options={"cell": "RNN"}, also=("saturated", "untrained"))
    yield case("RNN with large weights, trained", "exploding", models.LastStep, Keyword(steps=30), setup=Setup(gain_hh=6),
               options={"cell": "RNN"}, also=("saturated",))
    yield case("RNN of numbers", "exploding", models.Numbers, Marked(steps=30), kind="number", setup=Setup(gain_hh=4),
               options=number | {"cell": "RNN"}, also=("saturated",))
    yield case("GRU with large weights", "exploding", models.LastStep, Keyword(steps=30), setup=Setup(gain_hh=10, iterations=50),
               options={"cell": "GRU"}, also=("saturated",))
    yield case("LSTM trained in far too large steps", "exploding", models.LastStep, Keyword(steps=20, place="end"), setup=Setup(rate=1.0),
               also=("saturated",))
    yield case("forecaster in far too large steps", "exploding", models.Numbers, Series(), kind="number", setup=Setup(rate=2.0),
               options={"features": 1, "squeeze": True}, also=("saturated",))  # fmt: skip


def no_signal() -> Iterator[Case]:
    def case(name: str, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"no signal {name}", truth="no signal", network=network, problem=problem, **more)

    once = Setup(rows=20000)
    yield case("last step", models.LastStep, Keyword(steps=10, signal=False), setup=once)
    yield case("packed", models.LastStep, Keyword(steps=20, shortest=5, signal=False), setup=replace(once, lengths=True))
    yield case("mean", models.MeanPool, Keyword(steps=20, signal=False), setup=once)
    yield case("both directions", models.Both, Keyword(steps=16, signal=False), setup=once)
    yield case("one number", models.Numbers, Marked(steps=12, signal=False), kind="number", setup=once, options={"squeeze": True})
    yield case("long rows", models.LastStep, Keyword(steps=60, signal=False), setup=once)


def bad_data() -> Iterator[Case]:
    def case(name: str, spoilt: Spoilt, network: type[nn.Module], problem: Problem, **more: Any) -> Case:
        return Case(name=f"data {name}", truth="data", network=network, problem=problem, spoilt=spoilt, **more)

    near, number = Keyword(steps=12, place="end"), Marked(steps=12, place="end")
    yield case("targets of the row before", "shuffled", models.LastStep, near, also=("no signal", "overfitted"), setup=Setup(rows=20000))
    yield case("targets all alike", "one class", models.LastStep, near)
    yield case("a NaN", "nan", models.Numbers, number, kind="number", options={"squeeze": True})
    yield case("a label out of range", "labels", models.LastStep, near)
    yield case("two targets a row for one number", "shape", models.Numbers, number, kind="number", options={"squeeze": True})
    yield case("targets in thousands", "scale", models.Numbers, number, kind="number", options={"squeeze": True}, also=("untrained",))
