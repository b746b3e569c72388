"""The lens of a classified series: its picture holds values, effects and gates; a step is called a step."""

import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from keepgate.charts.curves import breadth
from keepgate.data.labelled_series import LabelledSeries
from keepgate.errors import SettingsError
from keepgate.lens import explain
from keepgate.lens.report import strips
from keepgate.lens.report.labels import catalog_language, paragraph
from keepgate.lens.report.series_figure import FEATURES, LANE, VISIBLE, draw_series, lead
from keepgate.tasks import SeriesClassifier
from keepgate.tasks.series_classifier import SeriesClassifierSettings
from tests.html_pages import Page
from tests.lens.looks import KINDS, looked

EVERY = {
    "gru both ways": {"steps": 50},
    "lstm": {"steps": 50, "cell": "lstm", "bidirectional": False, "pooling": "last"},
    "without gates": {"steps": 50, "cell": "rnn", "bidirectional": False},
    "attention": {"steps": 30, "pooling": "attention"},
    "one step": {"steps": 1},
    "long": {"steps": 700, "cell": "lstm", "bidirectional": False},
    "many features of long names": {"steps": 20, "features": 9},
}


@cache
def of_kind(kind):
    return explained(**EVERY[kind])


def explained(*, steps, features=2, **settings):
    rng = np.random.default_rng(0)
    names = tuple(f"a feature with quite a long name, number {k}" for k in range(features))
    items = [
        LabelledSeries(
            values=(rng.normal(size=(steps, features)) * 1e4).astype(np.float32), features=names, label=label
        )
        for label in ("fine", "worn")
    ]
    items[0].values[:, -1] = -7.25  # a feature may stand still
    task = SeriesClassifier.build(items, SeriesClassifierSettings(hidden_size=6, **settings), seed=0)
    return explain(task, items[0])


def drawn(explanation, language, width):
    return ElementTree.fromstring(draw_series(explanation, language, "one", width, "wide"))


def test_it_holds_each_step_of_each_feature_and_gate():
    explanation = of_kind("lstm")
    root = drawn(explanation, "en", 900.0)
    lines = [part for part in root.iter("path") if part.get("class") == "line series-3"]
    assert [len(re.findall(r"[ML]", line.get("d"))) for line in lines] == [50, 50]
    bars = [part.get("class") for part in root.iter("rect")]
    assert [bars.count(f"fill gate-{gate}") for gate in "fio"] == [50, 50, 50]
    weights = [explanation.weight(effect) for effect in explanation.token_effects]
    assert (
        bars.count("mark bar series-1")
        == sum(LANE * weight > VISIBLE * max(weights) for weight in weights)
        > 0
    )
    still = lines[1].get("d").split("L")
    assert len({point.split(" ")[1] for point in still}) == 1


def test_the_highest_bar_stands_at_the_step_without_which_the_label_is_least_likely():
    explanation = of_kind("lstm")
    bars = [
        part
        for part in drawn(explanation, "en", 900.0).iter("rect")
        if part.get("class") == "mark bar series-1"
    ]
    highest = max(bars, key=lambda bar: float(bar.get("height")))
    troughs = [part for part in drawn(explanation, "en", 900.0).iter("rect") if part.get("class") == "trough"]
    left, wide = (float(troughs[0].get(key)) for key in ("x", "width"))
    assert int((float(highest.get("x")) - left) / wide * 50 + 0.01) == explanation.token_effects[0].step


@pytest.mark.parametrize("width", [980.0, 348.0])
@pytest.mark.parametrize("language", ["en", "zh-TW"])
@pytest.mark.parametrize("kind", EVERY)
def test_words_stay_inside_and_apart(kind, language, width):
    explanation = of_kind(kind)
    root = drawn(explanation, catalog_language(language), width)
    height = float(root.get("viewBox").split()[3])
    boxes = []
    for part in root.iter("text"):
        words, x, y = "".join(part.itertext()), float(part.get("x")), float(part.get("y"))
        wide = breadth(words, 12.0)
        x -= {"end": wide, "middle": wide / 2}.get(part.get("text-anchor"), 0.0)
        assert x >= 0, words
        assert x + wide <= width, words
        assert y <= height, words
        boxes.append((words, x, y, wide))
    for k, (words, x, y, wide) in enumerate(boxes):
        for other, left, base, reach in boxes[:k]:
            apart = abs(y - base) >= 11 or x >= left + reach or left >= x + wide
            assert apart, f"{words!r} lies on {other!r}"


def test_of_many_features_the_first_are_drawn():
    explanation = of_kind("many features of long names")
    root = drawn(explanation, "en", 900.0)
    assert len([part for part in root.iter("path") if part.get("class") == "line series-3"]) == FEATURES
    assert f"The first {FEATURES} of 9 features are drawn." in paragraph(lead(explanation), "en")


def test_a_step_that_was_not_left_out_has_no_ground():
    explanation = of_kind("long")
    steps = sorted(effect.step for effect in explanation.token_effects)
    assert len(steps) < 700
    troughs = [part for part in drawn(explanation, "en", 980.0).iter("rect") if part.get("class") == "trough"]
    gates = len(explanation.direction_summaries[0].gates)
    runs = 1 + sum(after > before + 1 for before, after in pairwise(steps))
    assert len(troughs) == gates + runs > gates + 1
    whole = float(troughs[-1].get("width"))
    shares = [float(part.get("width")) / whole for part in troughs[:runs]]
    assert math.isclose(sum(shares), len(steps) / 700, abs_tol=1e-3)


def test_a_step_that_was_not_left_out_has_no_number():
    explanation = of_kind("without gates")
    top = replace(explanation, token_effects=explanation.token_effects[:3])
    (effects,) = strips.rows(top)
    assert {step for step, number in enumerate(effects.written) if number != "–"} == {
        effect.step for effect in top.token_effects
    }


@pytest.mark.parametrize("kind", EVERY)
def test_gates_are_promised_where_there_are_gates_and_a_search_where_one_went_on(kind):
    explanation = of_kind(kind)
    words = f"{paragraph(lead(explanation), 'en')} {explanation}"
    assert ("how open each gate was" in words) == (kind != "without gates")
    assert ("not every step was left out" in words) == ("that were tried" in words) == (kind == "long")


def test_steps_without_which_the_label_is_another_are_told_as_left_out_one_by_one():
    explanation = of_kind("lstm")
    label = explanation.answer.text
    other = {"fine": "worn", "worn": "fine"}[label]
    without = replace(explanation.token_effects[0].without, text=other, probability=0.9)
    effects = [replace(effect, probability_drop=0.9, without=without) for effect in explanation.token_effects]
    answer = replace(explanation.answer, probability=0.9, candidates=((label, 0.9), (other, 0.1)))
    names = [f"step {effect.step + 1}" for effect in effects]
    two, three = (str(replace(explanation, answer=answer, token_effects=tuple(effects[:n]))) for n in (2, 3))
    assert two.endswith(f"So it does without {names[1]}.")
    assert three.endswith(f"So it does without {names[1]} and {names[2]}, each by itself.")


def test_the_ends_of_a_scale_are_written_with_powers_of_ten_and_a_minus():
    values = np.array([[-23456.0, 1e-5], [7.25, 3.0]], np.float32)
    explanation = replace(
        of_kind("lstm"), question=LabelledSeries(values=values, features=("load", "drift"), label="fine")
    )
    words = ["".join(part.itertext()) for part in drawn(explanation, "en", 900.0).iter("text")]
    assert {"−2.346×10⁴", "7.25", "1×10⁻⁵", "3"} <= set(words)


def words_of(explanation, language):
    """All that a reader of its page is told, be it only by a tooltip or a screen reader."""
    page = Page(explanation.html(language=language))
    labels = [value for _, attributes in page.elements for name, value in attributes.items()
              if name in ("title", "aria-label")]  # fmt: skip
    return " ".join([page.words(" "), *labels])


# What a series has none of; 數字 are numbers.
NO_STEPS = re.compile(r"token|sentence|\btext|\bword|(?<!數)字|整句|句子|一句", re.IGNORECASE)


@pytest.mark.parametrize("language", ["en", "zh-TW"])
@pytest.mark.parametrize("kind", [*EVERY, "forecast"])
def test_a_step_is_a_step_and_no_token_of_a_text(kind, language):
    explanation = forecast() if kind == "forecast" else of_kind(kind)
    assert not explanation.sentence_effects
    assert not explanation.sentence_spans
    words = words_of(explanation, language)
    assert not NO_STEPS.search(words), NO_STEPS.search(words)
    assert not re.search(r"\{\w+\}", words)
    figures = [explanation.figure(name, language=language) for name in figures_of(explanation)]
    if kind != "forecast":
        assert figures[-1].title in words
    for figure in figures:
        drawing = re.sub(r"<style>.*?</style>", "", figure.svg, flags=re.DOTALL)
        text = " ".join(ElementTree.fromstring(drawing).itertext())
        assert not NO_STEPS.search(text), (figure.name, NO_STEPS.search(text))


def figures_of(explanation):
    of_gates = ["retention", "half_life"] if explanation.gated else []
    of_series = [] if explanation.labelled_series is None else ["series"]
    return ["gates", "token_effects", "saliency", *of_gates, *of_series]


@cache
def forecast():
    """Of a model of the user's own that reads numbers."""
    torch.manual_seed(0)
    return explain(Own(), torch.randn(4, 20, 2), row=1, target=0, time=1)


class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(2, 8, batch_first=True)
        self.head = torch.nn.Linear(8, 1)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def test_a_text_has_no_such_picture():
    with pytest.raises(SettingsError, match=r"'series' .* draws the values of a series"):
        looked(**KINDS[0]).figure("series")


def test_matplotlib_draws_it_too():
    pytest.importorskip("matplotlib")
    axes = of_kind("lstm").plot("series")
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [50, 50]
    assert axes.get_title()
    assert axes.get_xlabel()
