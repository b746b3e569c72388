"""Healthy models of the kinds people have, their answers near or far."""

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
)  # fmt: skip
from bench.verdicts.problems import Keyword, Marked, NextToken, Parity, Series, Tags
from bench.verdicts.training import Setup


def healthy() -> Iterator[Case]:
    case = partial(planted, "healthy")
    lengths, long = Setup(lengths=True), Setup(iterations=350)
    ragged, near, end = Keyword(steps=24, shortest=6), Keyword(steps=30, place="end"), Marked(place="end")
    yield case("last step, answer near", LastStep, near)
    yield case("last step, answer anywhere", LastStep, Keyword(steps=14), long)
    yield case("GRU last step, answer near", LastStep, near, cell="GRU")
    yield case("RNN last step, answer near", LastStep, near, cell="RNN")
    yield case("packed, answer near", LastStep, Keyword(steps=40, place="end", shortest=6), lengths)
    yield case("packed, answer anywhere", LastStep, ragged, Setup(lengths=True, iterations=350, remember=24))
    yield case("gathered, answer anywhere", Gathered, ragged, Setup(lengths=True, iterations=350))
    yield case(
        "packed, answer at the start",
        LastStep,
        Keyword(steps=30, shortest=4, place="start"),
        Setup(lengths=True, iterations=350),
    )
    yield case("padded left", LastStep, Keyword(steps=30, shortest=6, place="end", padding="left"))
    yield case("mean, masked", MeanPool, ragged, lengths)
    yield case("mean, equally long", MeanPool, Keyword(steps=30))
    yield case("mean, both directions", MeanPool, Keyword(steps=24), bidirectional=True)
    yield case("maximum, masked", MaxPool, ragged, lengths)
    yield case("maximum, both directions", MaxPool, Keyword(steps=24), bidirectional=True)
    yield case("attention, masked", Attention, ragged, lengths)
    yield case("attention, answer at the start", Attention, Keyword(steps=36, place="start"))
    yield case("both directions, answer at the start", Both, Keyword(steps=30, place="start"))
    yield case("both directions, packed", Both, ragged, Setup(lengths=True, iterations=350))
    yield case("two layers", Both, near, layers=2, both=False)
    yield case("convolution in front", Convolved, near)
    yield case("convolution with stride 2, mean", Convolved, Keyword(steps=32), stride=2, pool="mean")
    yield case("time first, dict, dropout", TimeFirst, near)
    yield case("one number [N]", Numbers, end, None, "number", squeeze=True)
    yield case("one number [N, 1]", Numbers, Marked(steps=12, outputs=1), long, "number")
    yield case("three numbers after batch norm", Numbers, Marked(steps=16, outputs=3, place="end"), long, "number",
               features=4, outputs=3, norm=True)  # fmt: skip
    yield case("one logit", Numbers, Marked(place="end", sign=True), None, "logit", squeeze=True)
    yield case("tagger", Tagger, Tags(), None, "steps")
    yield case(
        "tagger, both directions, padded", Tagger, Tags(shortest=5), lengths, "steps", bidirectional=True
    )
    yield case("language model", Tagger, NextToken(), None, "steps", outputs=9, cell="GRU")
    yield case("forecaster", Numbers, Series(), None, "number", features=1, squeeze=True)
    yield case(
        "forecaster, four ahead", Numbers, Series(ahead=4), long, "number", features=1, outputs=4, cell="GRU"
    )
    yield case("parity of two bits", LastStep, Parity(steps=8), Setup(iterations=900), outputs=2, cell="GRU")
