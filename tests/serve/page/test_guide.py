"""The guided mode: eight steps in both languages, by link and by keys, each with its picture and what "show me" does."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import LANGUAGES, until
from .test_sizes import WIDE

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]
PARTS = {"answers": ".answers-section", "gates": ".inside", "step": "#step", "length": "#lengthen", "bridge": "#bridge", "gradient": "#gradients"}  # fmt: skip
SHOWN = {1: "answers step", 2: "answers gradient", 3: "step", 4: "step", 5: "answers gates", 6: "length",
         7: "answers step bridge", 8: "answers gates"}  # fmt: skip
NAMES = {"en": ("Luffy", "Nami"), "zh-TW": ("魯夫", "娜美")}
STEPS = range(1, 9)
both = pytest.mark.parametrize("language", LANGUAGES)


def enter(page: Any, address: Callable[[str], str], step: int, language: str, server: str = "plain") -> None:
    page.goto(f"{address(server).rstrip('/')}/?guide={step}&lang={language}")
    page.locator("#gradients .line" if step == 2 else ".shown canvas, .shown .film .head, #longer").nth(
        0
    ).wait_for()


def answers(page: Any) -> list[str]:
    texts: list[str] = page.locator(".card .what").all_text_contents()
    return texts


@pytest.fixture(scope="module")
def page(browser: Any) -> Any:
    opened = browser.new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(40_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda fault: complaints.append(str(fault)))
    yield opened
    opened.close()
    assert not complaints


@both
@pytest.mark.parametrize("step", STEPS)
def test_a_link_opens_a_step_with_its_picture(
    step: int, language: str, page: Any, address: Callable[[str], str], words: Words, shoot: Any
) -> None:
    enter(page, address, step, language)
    assert words[language][f"guide.{step}.title"] in page.locator("#guide h1").inner_text()
    assert words[language][f"guide.{step}.take"] in page.locator(".take").inner_text()
    shown = {name for name, css in PARTS.items() if page.locator(css).is_visible()}
    assert shown == set(SHOWN[step].split())
    assert page.locator(".asking").is_hidden()
    assert page.locator(".kindly").is_visible() == (f"guide.{step}.kindly" in words[language])
    assert "{" not in page.locator("#guide").inner_text()
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        content, window, out = page.evaluate(WIDE)
        assert content <= window
        assert not out
        shoot(page, f"guide-{step}-{language}-{width}", full_page=True)


@both
def test_what_is_shown_bears_out_what_is_said(
    language: str, page: Any, address: Callable[[str], str]
) -> None:
    """The sentences name no number, but they say how the networks fare."""
    first, second = NAMES[language]
    press = page.locator('[data-keep="guide show"]')

    enter(page, address, 1, language)
    assert answers(page) == [first] * 5
    press.click()
    until(page, "async () => (await import('./state.js')).state.at >= 2")

    enter(page, address, 2, language)
    # Before training: what the RNN and bias 0 could not learn from a hundred words back, and the others could.
    left = [
        float(page.locator(f".gradients tr.series-{k} .number").inner_text().split("×")[0]) for k in (0, 2, 3)
    ]
    assert left[0] < 0.01 < 0.4 < min(left[1:])
    assert "10⁻" in page.locator(".gradients tr.series-1 .number").inner_text()
    assert page.locator(".begun").count() == 0
    press.click()
    explodes = page.locator(
        ".gradients tr.series-0 td", has_text={"en": "explodes", "zh-TW": "爆炸"}[language]
    )
    explodes.wait_for()
    # Then every gate is there still, and no signal arrives.
    page.wait_for_function("() => document.querySelector('#gradient-bias').value === '-8'")
    until(page, """async () => {
        const api = await import('./api.js');
        const reply = await api.ask('gradient', { models: ['zh/lstm-zero', 'zh/lstm-chrono', 'zh/gru-chrono', 'zh/mingru-chrono'], forget_bias: -8, recurrent_scale: 1, lags: 200 }, 'test');
        return reply.lines.every(({ verdict, gone }) => verdict === 'gone' && gone < 100);
    }""")  # fmt: skip

    enter(page, address, 5, language)
    assert answers(page)[1] != first
    assert answers(page)[2:] == [first] * 3
    press.click()
    page.locator(".outcome:not(.waiting)").wait_for()
    assert answers(page)[1] == first
    # What is drawn has the change in it.
    assert "100%" in page.locator(".left p").first.inner_text()
    assert page.locator(".erasers").count() == 0
    assert page.evaluate("""async () => {
        const { gateLanes, lastLane } = await import('./annotations.js');
        return [gateLanes()[0].name, Math.min(...gateLanes()[0].values), lastLane().values.at(-1)];
    }""") == ["f", 1, 1]  # fmt: skip

    enter(page, address, 6, language)
    assert first not in answers(page)[:2]
    assert answers(page)[2:] == [first] * 3
    press.click()
    page.wait_for_function(
        "() => document.querySelector('#longer').value === document.querySelector('#longer').max"
    )
    # What was read and why some forget it is said of the story at the slider.
    longest = page.locator(".lengths thead th").last.inner_text()
    assert f"{longest} " in page.locator("#lengths .told summary").inner_text()
    page.locator(".reasons h3", has_text=longest).wait_for()

    marked = page.locator(".lengths tbody th").evaluate_all(
        "(cells) => cells.map((cell) => getComputedStyle(cell).borderLeftWidth)"
    )
    assert marked == ["4px", "0px", "4px", "0px", "0px"]

    enter(page, address, 7, language)
    text = page.locator("#guide .lead").inner_text()
    # Four, one and three sums of 64 units over 32 inputs, 64 outputs and two biases.
    assert all(f"{count * 64 * 98:,}" in text for count in (4, 1, 3))
    assert "75.0%" in text
    assert page.locator(".beside svg").count() == 2
    assert page.locator("#player .open.gate-z, #player .open.gate-r").count() == 2

    enter(page, address, 8, language)
    assert page.locator("#guide .looks .main").count() == page.locator("#guide .looks .door").count() - 1 == 5
    assert page.locator("#guide .looks .main").first.evaluate("(line) => line.getAnimations().length") == 0
    assert answers(page) == [second, *[first] * 4]
    press.click()
    page.locator(".outcome:not(.waiting)").wait_for()
    assert answers(page)[2] == second


@both
def test_the_forget_gate_at_the_last_character_is_to_be_seen(
    language: str, page: Any, address: Callable[[str], str]
) -> None:
    enter(page, address, 4, language)
    assert page.locator(".film .letter").first.text_content() == "魯"
    page.locator('[data-keep="guide show"]').click()
    assert page.locator(".film .letter.now").text_content() == "王"
    gate = page.locator(".phase.forget dd").inner_text()
    assert gate.startswith("zᶠ = 0.9")
    assert "zᶠ" in page.locator(".film").get_attribute("aria-label")
    # The sum holds, number by number.
    page.locator('[data-keep="step phase"]').click()
    sum_, result = (
        page.locator(".phase.select dd").last.inner_text().replace("−", "-").split(" = ")[1].split(" ≈ ")
    )
    assert abs(eval(sum_.replace("×", "*")) - float(result)) < 0.0004  # four decimals each


@both
def test_a_cell_state_is_explained_where_there_is_one(
    language: str, page: Any, address: Callable[[str], str]
) -> None:
    for step, there in ((4, True), (7, False)):  # an LSTM, a GRU
        enter(page, address, step, language)
        notes = page.locator(".equations > .note")
        assert any("cₜ" in text for text in notes.all_text_contents()) == there


@both
def test_it_is_walked_by_keys_and_left_for_the_free_mode(language: str, visit: Open, words: Words) -> None:
    page = visit(language)
    page.locator("#to-guide").focus()
    page.keyboard.press("Enter")
    page.locator("#guide h1", has_text=words[language]["guide.1.title"]).wait_for()
    for step in STEPS[1:]:
        page.locator(".turn.main").focus()
        page.keyboard.press("Enter")
        page.locator("#guide h1", has_text=words[language][f"guide.{step}.title"]).wait_for()
        assert page.evaluate("() => document.activeElement.id") == "guide-title"
        assert page.locator('.steps [aria-current="step"]').inner_text() == str(step)
    page.locator(".film, #strip").first.wait_for()
    page.go_back()
    page.locator("#guide h1", has_text=words[language]["guide.7.title"]).wait_for()
    page.locator("#to-read").click()
    page.locator(".asking").wait_for()
    assert page.locator("#guide").is_hidden()
    assert page.locator(".hero").first.is_visible()
    page.locator(".card .answer").nth(3).wait_for()


def test_a_step_goes_on_in_the_other_language(page: Any, address: Callable[[str], str], words: Words) -> None:
    enter(page, address, 8, "en")
    page.locator('[data-language="zh-TW"]').click()
    page.locator(".card .what", has_text="娜美").first.wait_for()
    assert words["zh-TW"]["guide.8.title"] in page.locator("#guide h1").inner_text()


@both
def test_on_a_phone_a_press_brings_what_it_changed_into_sight(
    language: str, page: Any, address: Callable[[str], str]
) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for step, what in ((1, ".film"), (5, "#strip"), (8, ".card.chosen .changed")):
        enter(page, address, step, language)
        if step == 1:
            assert not [text for text in page.locator(".film .letter").all_text_contents() if "…" in text]
        page.locator('[data-keep="guide show"]').click()
        page.locator(what).wait_for()
        page.wait_for_function(
            """(what) => { const { top } = document.querySelector(what).getBoundingClientRect(); return top >= -1 && top < innerHeight - 100; }""",
            arg=what,
        )
    page.set_viewport_size({"width": 1280, "height": 900})


@both
def test_why_opens_the_explanation_in_a_step_without_it(
    language: str, page: Any, address: Callable[[str], str]
) -> None:
    enter(page, address, 2, language)
    page.locator(".card .answer").first.click()
    page.locator("#panel .explained h3").wait_for()
    page.locator('[data-keep="close"]').click()
    page.locator(".inside").wait_for(state="hidden")


def test_it_plays_by_itself_where_movement_is_wanted(visit: Open) -> None:
    page = visit("en", motion=True)
    page.evaluate("() => { location.hash = 'guide-3'; }")
    until(page, "async () => (await import('./state.js')).state.at >= 2")
    page.locator('[data-keep="step play"]').click()  # and stops
    at = page.locator(".film").get_attribute("aria-label")
    page.wait_for_timeout(900)
    assert page.locator(".film").get_attribute("aria-label") == at
    page.evaluate("() => { location.hash = 'guide-8'; }")
    line = page.locator("#guide .looks .main").first
    line.wait_for()
    assert line.evaluate("(line) => line.getAnimations().length") == 1


def test_the_film_stands_still_where_no_movement_is_wanted(page: Any, address: Callable[[str], str]) -> None:
    enter(page, address, 3, "en")
    at = page.locator(".film").get_attribute("aria-label")
    page.wait_for_timeout(1500)  # two phases and more
    assert page.locator(".film").get_attribute("aria-label") == at


def test_it_reads_by_the_networks_that_came_along_beside_ones_own(
    page: Any, address: Callable[[str], str]
) -> None:
    enter(page, address, 3, "zh-TW", server="own")
    assert page.evaluate("async () => (await import('./state.js')).state.chosen") == "zh/lstm-chrono"
