"""Links that open a state, parts of the page alone, and the letters of textbooks."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from keepgate.cells import by_name
from keepgate.emit.unicode import equations_of
from keepgate.serve import STATIC

from .conftest import ROOT, until

Words = dict[str, dict[str, str]]
STORY = "娜美說她想成為海賊王。下雨了。"


def opened(browser: Any, address: Callable[[str], str], **query: object) -> Any:
    page = browser.new_page(locale="en")
    page.goto(f"{address('plain').rstrip('/')}/?{urlencode(query)}")
    return page


def test_a_link_opens_a_story_at_a_token_in_a_language(
    browser: Any, address: Callable[[str], str], words: Words
) -> None:
    page = opened(browser, address, story=STORY, question="是誰想要成為海賊王？", step=4, lang="zh-TW")
    page.locator(".card .answer").nth(3).wait_for()
    assert page.locator("#story").input_value() == STORY
    assert page.evaluate("() => document.documentElement.lang") == "zh-Hant-TW"
    assert page.locator(".card .what").nth(2).inner_text() == "娜美"
    page.locator("#step").scroll_into_view_if_needed()
    page.locator(".film .letter.now", has_text="她").wait_for()
    # What the button gives leads there again.
    page.goto(page.evaluate("async () => (await import('./address.js')).linkTo('zh-TW')"))
    page.locator(".card .answer").nth(3).wait_for()
    assert page.locator("#story").input_value() == STORY
    page.close()


def test_a_link_opens_a_network_and_the_changes_that_are_made(
    browser: Any, address: Callable[[str], str]
) -> None:
    asked = {"story": STORY, "question": "是誰想要成為海賊王？", "network": "zh/gru-chrono", "remove": "2", "keep": "5,7,999", "lang": "zh-TW"}  # fmt: skip
    page = opened(browser, address, **asked)
    page.locator(".outcome:not(.waiting)").wait_for()
    assert page.locator(".card.chosen input").input_value() == "zh/gru-chrono"
    assert [page.locator(f".chip.{kind}").count() for kind in ("remove", "drop", "keep")] == [1, 0, 2]
    # Copied where nothing may be copied, the link stands in the address, and is the same.
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.locator("#link").click()
    page.wait_for_function("() => location.search.includes('remove=2&keep=5%2C7')")
    assert "network=zh%2Fgru-chrono" in page.url
    page.close()


def test_a_link_without_a_story_opens_the_example_at_a_token_of_a_network(
    browser: Any, address: Callable[[str], str]
) -> None:
    page = opened(browser, address, step=5, network="en/gru-chrono", drop="3")
    page.locator(".card.chosen input[value='en/gru-chrono']").wait_for()
    page.locator(".chip.drop").wait_for()
    assert page.evaluate("async () => (await import('./state.js')).state.at") == 4
    page.close()


def test_a_link_opens_a_layer_a_unit_letters_and_a_length(
    browser: Any, address: Callable[[str], str]
) -> None:
    asked = {"story": "Tom bought a hat. Anna sings.", "question": "Who bought a hat?", "network": "en/open-lstm",
             "layer": "1", "direction": "backward", "unit": "3", "letters": "textbook", "length": "400", "lang": "en"}  # fmt: skip
    page = opened(browser, address, **asked)
    page.locator("#step").scroll_into_view_if_needed()
    page.locator("#player dt", has_text="zᶠ").first.wait_for()
    assert page.locator("#place option:checked").inner_text() == "1, reading backwards"
    assert page.locator('[data-keep="step unit"]').input_value() == "3"
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    length = page.locator(".lengths thead th.now").inner_text()
    assert 300 < int(length) <= 400
    # What the button gives says the same.
    link = page.evaluate("async () => (await import('./address.js')).linkTo('en')")
    assert dict(parse_qsl(urlsplit(link).query)) == {**asked, "length": length}
    # The reader's letters stay, also after a step of the guide that has its own.
    page.evaluate("() => { location.hash = 'guide-3'; }")
    page.locator("#player .film .name", has_text="zᶠ").wait_for()
    page.close()


def test_a_link_to_a_unit_that_there_is_not_opens_the_first_one(
    browser: Any, address: Callable[[str], str]
) -> None:
    page = opened(browser, address, step=5, unit="1.5")
    until(page, "async () => (await import('./state.js')).state.at === 4")
    page.locator("#step").scroll_into_view_if_needed()
    page.locator("#step .equations dd").first.wait_for()
    assert page.evaluate(
        "async () => { const { firstUnit, state } = await import('./state.js'); return state.unit === firstUnit(); }"
    )
    page.close()


def test_a_link_says_nothing_of_what_the_page_does_by_itself(visit: Any) -> None:
    link = visit().evaluate("async () => (await import('./address.js')).linkTo('en')")
    assert {*dict(parse_qsl(urlsplit(link).query))} == {"story", "question", "network", "lang"}


def test_a_link_opens_the_gradient_under_another_bias(browser: Any, address: Callable[[str], str]) -> None:
    page = opened(browser, address, embed="gradient", bias=-4, scale=2)
    page.locator(".curves path.line").first.wait_for()
    assert [page.locator(f"#gradient-{name}").input_value() for name in ("bias", "scale")] == ["-4", "2"]
    page.close()


def test_of_answers_alone_the_why_is_told_below_them(browser: Any, address: Callable[[str], str]) -> None:
    page = opened(browser, address, embed="answers")
    page.locator(".card.chosen .answer").click()
    page.locator("#panel blockquote").wait_for()
    page.locator('[data-keep="close"]').click()
    page.locator(".inside").wait_for(state="hidden")
    page.close()


def test_lengths_alone_speak_of_nothing_above_them(browser: Any, address: Callable[[str], str]) -> None:
    page = opened(browser, address, embed="length")
    page.locator("#lengths table").wait_for()
    assert page.locator('[data-keep="take"]').count() == 0
    page.close()


def test_the_server_s_page_says_that_one_s_own_models_are_read_here(visit: Any, words: Words) -> None:
    footer = visit().locator("footer p").last.inner_text()
    assert footer == words["en"]["footer"]
    assert "read here" in footer


@pytest.mark.parametrize(
    ("part", "css"),
    [("film", "#step .film .head"), ("beside", "#beside svg"), ("answers", ".answers-section"), ("gates", "#strip"), ("step", "#player"), ("length", "#lengths table"), ("bridge", "#bridge svg"), ("gradient", ".curves")],
)  # fmt: skip
def test_a_part_stands_alone(part: str, css: str, browser: Any, address: Callable[[str], str]) -> None:
    page = opened(browser, address, embed=part)
    page.locator(css).first.wait_for()
    for other in (".top", ".hero", "#asking", ".foot"):
        assert page.locator(other).first.is_hidden()
    assert page.locator("main > .shown").count() == 1
    if part == "film":
        assert page.locator(".equations").is_hidden()
    page.close()


def test_letters_are_those_of_textbooks_if_wanted(
    browser: Any, address: Callable[[str], str], shoot: Any
) -> None:
    page = opened(browser, address, embed="step")
    page.locator("#player dt", has_text="f = σ").wait_for()
    page.locator('[data-keep="step letters"]').select_option("textbook")
    lines = [text.split(" = ")[0] for text in page.locator("#player dt").all_inner_texts()]
    assert lines == ["zᶠ", "zⁱ", "z", "cₜ", "zᵒ", "hₜ"]
    page.close()


def test_a_link_that_cannot_be_copied_stands_in_the_address(visit: Any, words: Words) -> None:
    page = visit(
        before=lambda page: page.add_init_script(
            "Clipboard.prototype.writeText = () => Promise.reject(new Error('forbidden'));"
        )
    )
    page.locator("#link").click()
    page.wait_for_url("**/?story=*")
    assert page.locator("#link").inner_text() == words["en"]["link.there"]


def test_a_part_that_there_is_not_shows_the_whole_page(browser: Any, address: Callable[[str], str]) -> None:
    page = opened(browser, address, embed="constructor")
    page.locator(".card .answer").nth(3).wait_for()
    assert page.locator(".hero").first.is_visible()
    page.close()


def test_the_unit_is_named_before_its_values_have_come(visit: Any) -> None:
    page = visit(before=lambda page: page.route("**/api/values", lambda _: None))
    page.locator("#step").scroll_into_view_if_needed()
    chosen = page.locator('[data-keep="step unit"]')
    telling = page.evaluate("async () => (await import('./state.js')).strip().telling")
    assert chosen.input_value() == str(telling)


def test_the_bridge_writes_the_equations_of_the_cells(browser: Any, address: Callable[[str], str]) -> None:
    page = opened(browser, address, embed="bridge")
    page.locator("#bridge svg").nth(1).wait_for()
    assert page.locator("#bridge svg").nth(2).is_hidden()  # until it is opened
    page.locator("#bridge summary").click()
    assert page.locator("#bridge svg").nth(2).is_visible()
    shown = page.evaluate("async () => (await import('./bridge.js')).KINDS.slice(0, 2)")
    for kind in shown:
        texts = {each.text for each in equations_of(by_name(kind["name"]))}
        assert {kind["memory"], kind["gate"]} <= texts
        assert kind["seesState"] == ("hₜ₋₁" in kind["gate"])
    page.close()


@pytest.mark.parametrize(
    "page", ["README.md", "README.zh-TW.md", "docs/guide/story.md", "docs/guide/story.zh-TW.md"]
)
def test_every_part_that_stands_alone_is_listed(page: str) -> None:
    parts = re.search(r"const PARTS = \{(.*?)\}", (STATIC / "address.js").read_text("utf-8"), re.DOTALL)
    assert parts
    text = (ROOT / page).read_text("utf-8")
    assert all(f"`{name}`" in text for name in re.findall(r"(\w+):", parts[1]))
    assert "?embed=" in text
