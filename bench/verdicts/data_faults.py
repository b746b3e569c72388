"""Padding read as data, inputs and weights of the wrong size, rows without an answer, and targets at fault."""

from collections.abc import Iterator
from functools import partial

from bench.verdicts.case import Case, planted
from bench.verdicts.models import Both, Convolved, LastStep, MeanPool, Numbers
from bench.verdicts.problems import Keyword, Marked, Series
from bench.verdicts.training import Setup


def padding() -> Iterator[Case]:
    case = partial(planted, "padding")
    end, closed = Keyword(steps=44, shortest=4, place="end"), Setup(keep=-6)
    number, numbers = (
        Marked(steps=44, shortest=4, place="end"),
        Marked(steps=44, shortest=4, place="end", outputs=3),
    )
    yield case("last step LSTM", LastStep, end, closed)
    yield case("last step GRU", LastStep, end, Setup(keep=-6, iterations=100), cell="GRU")
    yield case("last step RNN", LastStep, end, cell="RNN")
    yield case(
        "last step RNN, answer anywhere",
        LastStep,
        Keyword(steps=44, shortest=4),
        cell="RNN",
        also=("forgets",),
    )
    yield case("two layers", Both, end, closed, layers=2, both=False)
    yield case("convolution in front", Convolved, end, closed)
    yield case(
        "mean of short texts among long", MeanPool, Keyword(steps=60, shortest=3), Setup(iterations=60)
    )
    yield case("one number", Numbers, number, closed, "number", squeeze=True)
    yield case("three numbers", Numbers, numbers, closed, "number", features=4, outputs=3)
    yield case(
        "one logit",
        Numbers,
        Marked(steps=44, shortest=4, place="end", sign=True),
        closed,
        "logit",
        squeeze=True,
    )


def badly_scaled() -> Iterator[Case]:
    saturated, exploding = partial(planted, "saturated"), partial(planted, "exploding")
    large, long = Marked(steps=16, place="end", scale=3000), Keyword(steps=30)
    yield saturated("numbers in thousands", Numbers, large, None, "number", squeeze=True)
    yield saturated("numbers in thousands, GRU", Numbers, large, None, "number", squeeze=True, cell="GRU")
    yield saturated(
        "large weights", LastStep, Keyword(steps=24), Setup(gain=15), also=("exploding", "forgets")
    )
    yield saturated("large weights, three numbers", Numbers, Marked(outputs=3), Setup(gain=20), "number",
                    also=("exploding", "forgets"), features=4, outputs=3)  # fmt: skip
    yield exploding("RNN with large weights, untrained", LastStep, long, Setup(gain_hh=6, iterations=0),
                    also=("saturated", "untrained"), cell="RNN")  # fmt: skip
    yield exploding(
        "RNN with large weights", LastStep, long, Setup(gain_hh=6), also=("saturated",), cell="RNN"
    )
    yield exploding("RNN of numbers", Numbers, Marked(steps=30), Setup(gain_hh=6, iterations=50), "number",
                    also=("saturated",), squeeze=True, cell="RNN")  # fmt: skip
    yield exploding("GRU with large weights", LastStep, long, Setup(gain_hh=10, iterations=50), also=("saturated",),
                    cell="GRU")  # fmt: skip
    yield exploding(
        "LSTM in far too large steps", LastStep, Keyword(place="end"), Setup(rate=1.0), also=("saturated",)
    )
    yield exploding("forecaster in far too large steps", Numbers, Series(), Setup(rate=2.0), "number",
                    also=("saturated",), features=1, squeeze=True)  # fmt: skip


def no_signal() -> Iterator[Case]:
    case, many = partial(planted, "no signal"), Setup(rows=20000)
    yield case("last step", LastStep, Keyword(steps=10, signal=False), many)
    yield case("packed", LastStep, Keyword(shortest=5, signal=False), Setup(rows=20000, lengths=True))
    yield case("mean", MeanPool, Keyword(signal=False), many)
    yield case("one number", Numbers, Marked(steps=12, signal=False), many, "number", squeeze=True)
    yield case("long rows", LastStep, Keyword(steps=44, signal=False), many)


def bad_data() -> Iterator[Case]:
    case = partial(planted, "data")
    near, number = Keyword(steps=12, place="end"), Marked(steps=12, place="end")
    yield case(
        "targets of the row before", LastStep, near, Setup(rows=20000), also=("no signal",), spoilt="shuffled"
    )
    yield case("targets all alike", LastStep, near, spoilt="one class")
    yield case("a NaN", Numbers, number, None, "number", spoilt="nan", squeeze=True)
    yield case("a label out of range", LastStep, near, spoilt="labels")
    yield case("two targets a row", Numbers, number, None, "number", spoilt="shape", squeeze=True)
    yield case("targets in thousands", Numbers, number, None, "number", spoilt="scale", squeeze=True)
