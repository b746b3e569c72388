"""Numbers as text: one way for every place that writes them, and nothing in a text that steers a terminal."""

import math

import pytest

from keepgate.cells import CELLS
from keepgate.lens.report.labels import render
from keepgate.wording import (
    amount,
    count,
    known_percent,
    meaning,
    msg,
    percent,
    percent_range,
    probability,
    sanitize,
    scientific,
    unit,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0%"), (1, "100%"), (0.9999, ">99.9%"), (0.0001, "<0.1%"), (0.3149, "31.5%"), (math.nan, "–")],
)
def test_percent_rounds_to_neither_all_nor_nothing(value, written):
    assert percent(float(value)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (1.0, "1.0"),
        (0.998, "1.0"),
        (0.3811, "0.38"),
        (0.01, "0.010"),
        (504.3, "504"),
        (2.34e-18, "2.3×10⁻¹⁸"),
        (1e-6, "1×10⁻⁶"),
        (5e-324, "4.9×10⁻³²⁴"),
        (1.5e12, "1.5×10¹²"),
        (math.inf, "∞"),
        (math.nan, "–"),
    ],
)
def test_scientific_has_two_significant_digits(value, written):
    assert scientific(value) == written


def test_ranges_known_ratios_counts_and_amounts():
    assert percent_range(0.98, 1.0) == "98.0–100%"
    assert percent_range(1.0, 1.0) == "100%"
    assert (known_percent(1 / 16), known_percent(1 / 3), known_percent(0.9)) == ("6.25%", "33.3%", "90%")
    assert (count(30160), amount(math.inf), amount(1234.56)) == ("30,160", "–", "1,234.6")


@pytest.mark.parametrize(
    ("value", "written"), [(1, ">99.9%"), (0.9996, ">99.9%"), (0, "<0.1%"), (0.5, "50.0%")]
)
def test_a_probability_is_never_certain_though_rounding_says_so(value, written):
    assert probability(float(value)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.384, "0.38"), (1, "1.0"), (2.3e-18, "2.3e-18"), (0, "0"), (5.2e7, "5.2e7"), (math.inf, "inf")],
)
def test_scientific_in_ascii_needs_no_raised_digits(value, written):
    assert scientific(value, ascii_only=True) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0.00"), (1, "1.00"), (0.996, ">0.99"), (0.004, "<0.01"), (0.5, "0.50"), (math.nan, "–")],
)
def test_a_gate_is_never_rounded_to_open_or_closed(value, written):
    assert unit(float(value)) == written


def test_every_letter_of_every_cell_has_a_meaning_in_chinese():
    for cell in CELLS:
        for name, english in cell.letters.items():
            assert meaning(cell.letters, name, "en") == english
            assert meaning(cell.letters, name, "zh") != english
    assert meaning({}, "q", "zh") == ""


def test_nothing_in_a_text_can_steer_the_terminal():
    assert sanitize("a\x1b[31mb\u202ec\x9b") == "a\ufffd[31mb\ufffdc\ufffd"


@pytest.mark.parametrize(
    ("states", "points", "written"),
    [(1, 1, "1 state, from 1 stable point."), (0, 1000, "0 states, from 1,000 stable points.")],
)
def test_one_thing_is_counted_without_an_s(states, points, written):
    assert render(msg("automaton.description", states=states, points=points), "en") == written
    assert render(msg("verdict.gone", vanishing_lag=1), "en") == "the learning signal is gone after 1 step"
