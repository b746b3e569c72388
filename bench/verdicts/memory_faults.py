"""Models that forget, that were not trained, and that learnt their few rows by heart."""

from collections.abc import Iterator
from functools import partial

from bench.verdicts.case import Case, planted
from bench.verdicts.models import (
    Attention,
    Both,
    Convolved,
    Gathered,
    LastStep,
    MaxPool,
    MeanPool,
    Numbers,
    Tagger,
    TimeFirst,
)
from bench.verdicts.problems import Keyword, Marked, NextToken, Parity, Series, Tags
from bench.verdicts.training import Setup


def forgets() -> Iterator[Case]:
    case = partial(planted, "forgets")
    # Forget and update gates that start out closed, or networks without any.
    closed, packed, rnn = Setup(keep=-5), Setup(lengths=True, keep=-5), Setup(lengths=True)
    soon = Setup(lengths=True, keep=-5, iterations=90)
    start, ragged, whole = (
        Keyword(steps=44, shortest=4, place="start"),
        Keyword(steps=44, shortest=4),
        Keyword(steps=44),
    )
    short = Keyword(steps=10, shortest=4, place="start")
    yield case("packed LSTM, answer at the start", LastStep, start, packed)
    yield case("packed LSTM, trained on short rows", LastStep, start, soon, taught=short, also=("untrained",))
    yield case("packed GRU, answer at the start", LastStep, start, packed, cell="GRU")
    yield case("packed RNN, answer at the start", LastStep, start, rnn, cell="RNN")
    yield case(
        "packed RNN, trained on short rows",
        LastStep,
        start,
        rnn,
        taught=short,
        cell="RNN",
        also=("untrained",),
    )
    yield case("gathered RNN", Gathered, start, rnn, cell="RNN")
    yield case("gathered LSTM", Gathered, ragged, soon, cell="LSTM")
    yield case("two layers, packed", Both, ragged, packed, layers=2, both=False)
    yield case("packed LSTM, answer anywhere", LastStep, ragged, soon)
    yield case("packed RNN, answer anywhere", LastStep, ragged, rnn, cell="RNN")
    yield case("last step LSTM, answer anywhere", LastStep, whole, closed)
    yield case("last step RNN, answer anywhere", LastStep, whole, cell="RNN")
    yield case("convolution in front, answer anywhere", Convolved, whole, closed)
    yield case("time first, answer anywhere", TimeFirst, whole, closed)
    yield case("one number, marked anywhere", Numbers, Marked(steps=44), closed, "number", squeeze=True)
    yield case("one number, marked at the start", Numbers, Marked(steps=44, shortest=3, place="start"), packed,
               "number", squeeze=True)  # fmt: skip
    yield case(
        "three numbers, RNN",
        Numbers,
        Marked(steps=40, outputs=3),
        None,
        "number",
        features=4,
        outputs=3,
        cell="RNN",
    )
    yield case("last step LSTM, answer at the start", LastStep, Keyword(steps=44, place="start"), closed)
    yield case(
        "forecaster, value 30 back",
        Numbers,
        Series(steps=40, lag=30),
        closed,
        "number",
        features=1,
        squeeze=True,
    )
    yield case(
        "language model, period 14",
        Tagger,
        NextToken(steps=42, period=14),
        None,
        "steps",
        outputs=9,
        cell="RNN",
    )
    yield case(
        "tagger, by the first token", Tagger, Tags(steps=50, shortest=3, back=None), rnn, "steps", cell="RNN"
    )


def untrained() -> Iterator[Case]:
    case = partial(planted, "untrained")
    none, few = Setup(iterations=0), Setup(iterations=3)
    near = Keyword(steps=12, place="end")
    yield case("last step", LastStep, near, none)
    yield case("GRU, a few steps", LastStep, near, few, cell="GRU")
    yield case(
        "packed", LastStep, Keyword(steps=16, shortest=6, place="end"), Setup(lengths=True, iterations=0)
    )
    yield case("mean, a few steps", MeanPool, Keyword(steps=12), few)
    yield case("attention", Attention, Keyword(steps=12), none)
    yield case("both directions", Both, Keyword(steps=8), none)
    yield case("one number", Numbers, Marked(steps=8, place="end"), none, "number", squeeze=True)
    yield case("tagger", Tagger, Tags(steps=10), few, "steps")
    yield case("forecaster", Numbers, Series(steps=12), none, "number", features=1, squeeze=True)
    yield case("one logit", Numbers, Marked(steps=8, place="end", sign=True), few, "logit", squeeze=True)


def overfitted() -> Iterator[Case]:
    case = partial(planted, "overfitted")
    few, packed = Setup(rows=40, iterations=300), Setup(rows=40, iterations=300, lengths=True)
    yield case("last step", LastStep, Keyword(steps=12), few)
    yield case("GRU", LastStep, Keyword(steps=16), few, cell="GRU")
    yield case("packed", LastStep, Keyword(steps=16, shortest=6), packed)
    yield case("mean", MeanPool, Keyword(steps=24), few)
    yield case("maximum", MaxPool, Keyword(steps=24), few, bidirectional=True)
    yield case("attention", Attention, Keyword(steps=24), few)
    yield case("both directions", Both, Keyword(steps=16), few)
    yield case("two layers", Both, Keyword(steps=12), few, layers=2)
    yield case("three numbers", Numbers, Marked(steps=12, outputs=3), Setup(rows=24, iterations=400), "number",
               features=4, outputs=3)  # fmt: skip
    yield case("parity of two bits", LastStep, Parity(steps=8), few, outputs=2)
