"""The teacher's sheet: a question for each step with its answer, in both languages, and one printed page a language."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keepgate.data.questions import Question
from keepgate.demo.stories import pirate_king_story
from keepgate.serve import serialize
from keepgate.serve.app import STATIC
from keepgate.serve.fullwidth import typed_question
from keepgate.serve.models import served
from keepgate.serve.reading_cache import read_normalised
from tests.html_pages import Page

from .conftest import LANGUAGES
from .test_sizes import WIDE

STEPS = range(1, 9)


def test_it_asks_and_answers_a_question_for_each_step_in_both_languages() -> None:
    text = (STATIC / "sheet.html").read_text("utf-8")
    links = [each["href"] for each in Page(text).all("a") if "guide=" in each["href"]]
    assert links == [f"index.html?guide={step}&lang={language}" for language in LANGUAGES for step in STEPS]
    answered = re.findall(r"<h2>(.+)</h2><p>(.+)</p>", text)
    assert len(answered) == 2 * len(STEPS)
    assert all(question.rstrip().endswith(("?", "？")) for question, _ in answered)


def test_the_page_leads_to_it_and_it_leads_to_a_step(browser: Any, address: Callable[[str], str]) -> None:
    page = browser.new_page(locale="en")
    page.goto(address("plain"))
    with page.expect_popup() as opened:
        page.locator("footer a").click()
    sheet = opened.value
    answer = sheet.locator(".questions p").first
    answer.wait_for(state="attached")
    assert answer.is_hidden()
    sheet.locator(".reveal input").first.check()
    assert answer.is_visible()
    sheet.locator('a[href="index.html?guide=4&lang=zh-TW"]').click()
    sheet.locator("#guide h1", has_text="zᶠ").wait_for()
    assert sheet.evaluate("() => document.documentElement.lang") == "zh-Hant-TW"
    sheet.close()
    page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_of_it_is_out_of_sight(width: int, browser: Any, shoot: Any) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((STATIC / "sheet.html").as_uri())
    content, window, out = page.evaluate(WIDE)
    assert content <= window
    assert not out
    shoot(page, f"sheet-{width}", full_page=True)
    page.close()


@pytest.mark.parametrize("answers", [False, True])
def test_each_language_is_printed_on_one_page(answers: bool, browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto((STATIC / "sheet.html").as_uri())
    for box in page.locator(".reveal input").all() if answers else ():
        box.check()
    printed = page.pdf(path=tmp_path / "sheet.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == len(LANGUAGES)
    page.close()


def test_the_numbers_of_the_answer_about_a_gate_are_the_network_s() -> None:
    (model,) = (each for each in served() if each.id == "zh/lstm-chrono")
    question = pirate_king_story(None, language="zh")
    assert question.text == "魯夫說他想成為海賊王。"
    reading = read_normalised(model, Question(text=question.text, question=typed_question(question.question, "zh"), answers=()))  # fmt: skip
    unit = serialize.reading_json(model.task, reading)["strips"][-1]["telling"]
    there = serialize.values_json(reading, 0, False, unit)
    at = question.text.index("王")
    f, i, g, c = (there["values"][name][at] for name in "figc")
    sum_ = f"{f:.4f} × {there['before']['c'][at]:.2f} + {i:.2f} × {g:.2f} ≈ {c:.2f}"
    text = (STATIC / "sheet.html").read_text("utf-8")
    assert text.count(sum_) == len(LANGUAGES)
    assert text.count(f"zᶠ = {f:.4f}") == len(LANGUAGES)
