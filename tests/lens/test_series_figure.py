"""The lens of a classified series: its picture holds values, effects and gates; a step is called a step."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from keepgate.charts.curves import breadth
from keepgate.data.labelled_series import LabelledSeries
from keepgate.errors import SettingsError
from keepgate.lens import explain
from keepgate.lens.report.labels import catalog_language
from keepgate.lens.report.series_figure import FEATURES, draw_series
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
    assert bars.count("mark series-1") <= 50
    still = lines[1].get("d").split("L")
    assert len({point.split(" ")[1] for point in still}) == 1


def test_the_highest_bar_stands_at_the_step_without_which_the_label_is_least_likely():
    explanation = of_kind("lstm")
    bars = [
        part for part in drawn(explanation, "en", 900.0).iter("rect") if part.get("class") == "mark series-1"
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
    root = drawn(of_kind("many features of long names"), "en", 900.0)
    assert len([part for part in root.iter("path") if part.get("class") == "line series-3"]) == FEATURES


@pytest.mark.parametrize("language", ["en", "zh-TW"])
@pytest.mark.parametrize("kind", EVERY)
def test_a_step_is_a_step_and_no_sentence(kind, language):
    explanation = replace(of_kind(kind), language=language)
    assert not explanation.sentence_effects
    page = Page(explanation.html(language=language)).words(" ")
    assert "A whole sentence" not in page
    assert "拿掉整句" not in page
    assert explanation.figure("series").title in page
    assert not re.search(r"\{\w+\}", page)


def test_a_text_has_no_such_picture():
    with pytest.raises(SettingsError, match=r"'series' .* draws the values of a series"):
        looked(**KINDS[0]).figure("series")


def test_matplotlib_draws_it_too():
    pytest.importorskip("matplotlib")
    axes = of_kind("lstm").plot("series")
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [50, 50]
    assert axes.get_title()
    assert axes.get_xlabel()
