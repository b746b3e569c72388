"""The example with which the page opens is one that the networks at hand can read."""

from collections.abc import Callable
from typing import Any

import pytest

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]

FACTS = {"en": "Luffy says he wants", "zh-TW": "魯夫說他想成為"}


def begins(page: Any, language: str) -> None:
    page.wait_for_function(
        "(text) => document.getElementById('story').value.startsWith(text)", arg=FACTS[language]
    )


@pytest.mark.parametrize(
    ("server", "language", "told"),
    [
        ("chinese", "en", "zh-TW"),
        ("english", "zh-TW", "en"),
        ("both", "en", "en"),
    ],
)
def test_the_example_is_in_a_language_that_one_s_own_networks_read(
    server: str, language: str, told: str, visit: Open, words: Words
) -> None:
    page = visit(language, server=server)
    begins(page, told)
    # The page keeps its own language, and the reader's network is the one that is looked into.
    assert page.title() == words[language]["title"]
    assert page.locator(".card.chosen .network").inner_text().startswith("mine")
    if server != "both":
        assert words[language]["legend.unknown"] not in page.locator("#legend").inner_text()
    # So are the others, at the lengths of that language.
    first = page.locator("#story").input_value()
    page.locator("#another").click()
    page.wait_for_function("(text) => document.getElementById('story').value !== text", arg=first)
    assert (page.locator("#story").input_value().isascii()) == (told == "en")
    assert page.locator("#length option").first.inner_text() == {"en": "400", "zh-TW": "100"}[told]
    # Another language of the page is no reason to tell another story, where one's own networks could not read it.
    if server == "chinese" and language == "en":
        told_again = []
        page.on("request", lambda request: told_again.append(request.url) if "story" in request.url else None)
        page.locator("[data-language=zh-TW]").click()
        page.wait_for_function("(title) => document.title === title", arg=words["zh-TW"]["title"])
        page.locator(".hint").get_by_text(words["zh-TW"]["hint.title"]).wait_for()
        assert not told_again


def test_the_gradient_is_drawn_of_the_same_networks(visit: Open, words: Words) -> None:
    page = visit("en", server="chinese")
    asked = []
    page.on("request", lambda request: asked.append(request) if "gradient" in request.url else None)
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    page.locator("#gradients").get_by_text("魯夫說他想成為海賊王").wait_for()
    models = asked[-1].post_data_json["models"]
    assert models[0] == "mine"
    assert [each.split("/")[0] for each in models[1:]] == ["zh"] * 4
