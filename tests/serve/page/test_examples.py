"""The example with which the page opens is one that the networks at hand can read."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import until

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]

FACT = "魯夫說他想成為海賊王。"


def test_the_example_is_in_a_language_that_one_s_own_networks_read(visit: Open, words: Words) -> None:
    page = visit("en", server="chinese")
    page.wait_for_function("(text) => document.getElementById('story').value.startsWith(text)", arg=FACT)
    # The page keeps its own language, and the reader's network is the one that is looked into.
    assert page.title() == words["en"]["title"]
    assert page.locator(".card.chosen .network").inner_text() == "mine"
    assert words["en"]["legend.unknown"] not in page.locator("#legend").inner_text()
    # So are the others, at the lengths of that language.
    first = page.locator("#story").input_value()
    page.locator("#another").click()
    page.wait_for_function("(text) => document.getElementById('story').value !== text", arg=first)
    assert not page.locator("#story").input_value().isascii()
    assert page.locator("#length option").first.inner_text() == "100"
    # Another language of the page is no reason to tell another story.
    told_again = []
    page.on("request", lambda request: told_again.append(request.url) if "story" in request.url else None)
    page.locator("[data-language=zh-TW]").click()
    page.locator(".hint").get_by_text(words["zh-TW"]["hint.title"]).wait_for()
    assert not told_again


def test_the_gradient_is_drawn_of_the_same_networks(visit: Open) -> None:
    page = visit("en", server="chinese")
    asked = []
    page.on("request", lambda request: asked.append(request) if "gradient" in request.url else None)
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    page.locator("#gradients").get_by_text(FACT.removesuffix("。")).wait_for()
    assert asked[-1].post_data_json["models"] == ["mine"]


def test_one_s_own_stand_alone_until_the_others_are_asked_too(visit: Open, words: Words) -> None:
    page = visit("zh-TW", server="chinese")
    names = page.locator(".card .network")
    assert names.all_inner_texts() == ["mine"]
    assert page.locator("#learnt").is_hidden()  # of what the others have learnt
    page.get_by_label(words["zh-TW"]["answers.along"]).check()
    page.locator(".card").nth(5).wait_for()
    assert names.all_inner_texts() == ["mine", "RNN", "LSTM", "LSTM", "GRU", "minGRU"]
    assert page.locator(".card.chosen .network").inner_text() == "mine"
    page.locator("#to-gradient").click()
    page.locator(".gradients tr").nth(6).wait_for()
    page.locator("#to-read").click()
    page.locator("#along").uncheck()
    page.wait_for_function("() => document.querySelectorAll('.card').length === 1")


def test_forward_layers_are_listed_before_backward_ones(visit: Open, words: Words) -> None:
    page = visit("en", server="own")
    told = words["en"]
    expected = [
        told[f"strip.{way}"].format(layer=layer) for way in ("forward", "backward") for layer in (1, 2)
    ]
    assert page.locator("#place option").all_inner_texts() == expected
    assert page.locator("#place option:checked").inner_text() == expected[1]


# How much of a story one's own networks know, in English and in Chinese; the language of the examples on an English page and
# on a Chinese one.
KNOWN = [
    ([], "en", "zh"),
    ([(0.1, 1.0)], "zh", "zh"),
    ([(1.0, 0.1)], "en", "en"),
    ([(1.0, 1.0)], "en", "zh"),
    ([(0.9, 1.0)], "en", "zh"),
    ([(1.0, 0.1), (0.1, 1.0)], "en", "zh"),
    ([(0.1, 1.0), (0.1, 0.9)], "zh", "zh"),
    ([(0.0, 0.0)], "en", "zh"),
]


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_what_the_networks_know_decides_and_else_the_page_s_language(language: str, visit: Open) -> None:
    page = visit(language)
    for own, english, chinese in KNOWN:
        found = page.evaluate(
            """async (own) => {
                const { state } = await import("./state.js");
                const { exampleLanguage } = await import("./vocabulary-note.js");
                const served = state.models;
                state.models = [...own.map(([en, zh]) => ({ shipped: false, vocabulary_share: { en, zh } })), ...served];
                const found = exampleLanguage();
                state.models = served;
                return found;
            }""",
            own,
        )
        assert found == (english if language == "en" else chinese), own


@pytest.mark.parametrize(
    ("language", "older", "newer", "stop"), [("en", "Luffy", "Ben", "."), ("zh-TW", "魯夫", "志豪", "。")]
)
def test_of_a_changed_mind_it_shows_the_unit_that_forgets_and_who_comes_back_where_nothing_may_be_erased(
    language: str, older: str, newer: str, stop: str, visit: Open, shoot: Any
) -> None:
    page = visit(language)
    assert page.locator("#mind-note").is_hidden()
    page.locator("#mind").click()
    chosen = page.locator(".card.chosen .what")
    chosen.get_by_text(newer, exact=True).wait_for()
    page.locator("#step").scroll_into_view_if_needed()
    page.locator("#step .equations dd", has_text="f = 0").wait_for()
    letters = page.locator("#step .film")
    kept = []
    for _ in range(40):  # to the first full stop
        kept.append(float(page.locator(".phase.forget dd").first.inner_text().split("=")[-1]))
        if letters.locator(".letter.now").text_content() == stop:
            break
        page.locator('[data-keep="step forward"]').click()
    assert kept[-1] < 0.1 < 0.5 < kept[-2]
    shoot(page, f"mind-{language}", full_page=True)
    page.locator("#mind-note button").click()
    chosen.get_by_text(older, exact=True).wait_for()
    page.locator("#another").click()
    page.locator("#mind-note").wait_for(state="hidden")


@pytest.mark.parametrize(("language", "name"), [("en", "Luffy"), ("zh-TW", "志豪")])
def test_two_pupils_hear_a_story_and_one_of_them_still_knows_the_name(
    language: str, name: str, visit: Open, words: Words, shoot: Any
) -> None:
    page, told = visit(language), words[language]
    note, button = page.locator("#pupils-note"), page.locator("#pupils-note button")
    assert note.is_hidden()
    page.locator("#pupils").click()
    pupils = page.locator(".card", has=page.locator(".pupil"))
    pupils.nth(1).wait_for()
    assert pupils.locator(".pupil").all_inner_texts() == [told["pupils.everything"], told["pupils.picks"]]
    assert pupils.locator(".network").all_inner_texts() == ["RNN", "LSTM"]
    everything, picks = pupils.locator(".what").all_inner_texts()
    assert picks == name != everything
    shoot(page, f"pupils-{language}", full_page=True)
    assert button.inner_text() == told["pupils.first"]
    button.click()
    button.get_by_text(told["pupils.whole"]).wait_for()
    assert pupils.locator(".what").all_inner_texts() == [name, name]
    link = page.evaluate("async (tongue) => (await import('./address.js')).linkTo(tongue)", language)
    button.click()
    button.get_by_text(told["pupils.first"]).wait_for()
    page.locator("#another").click()
    note.wait_for(state="hidden")
    assert page.locator(".pupil").count() == 0
    page.goto(link)  # opens the example as it was
    page.locator(".pupil").nth(1).wait_for()
    assert button.inner_text() == told["pupils.whole"]
    page.evaluate("() => (location.hash = 'guide-1')")  # which tells of no pupils
    note.wait_for(state="hidden")


def test_where_only_one_s_own_model_reads_nothing_is_said_of_the_lstm(
    visit: Open, words: dict[str, dict[str, str]]
) -> None:
    page = visit("en", server="own")
    page.locator("#mind").click()
    state = "async (text) => (await import('./state.js')).state.text === text"
    until(page, state, words["en"]["mind.story"])
    assert page.locator("#mind-note").is_hidden()
