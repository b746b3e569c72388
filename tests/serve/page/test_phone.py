"""The page on a phone: the answers on the first screen, the words soon after, nothing too small for a finger."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import until
from .test_sizes import WIDE

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]

WIDTH, HEIGHT = 360, 740
# What is pressed and less than 24 pixels wide or high, apart from what stands in a label that is pressed instead, and the
# columns of the table of lengths, between which the slider above chooses too.
SMALL = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
    .filter((each) => each.checkVisibility() && !each.closest("[hidden]") && !each.matches(".skip"))
    .map((each) => [each, (each.matches("input[type=radio]") ? each.closest("label") : each).getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 24 || box.height < 24))
    .map(([each, box]) => `${each.outerHTML.slice(0, 80)} ${box.width} x ${box.height}`)"""
TOPS = """() => Object.fromEntries(["answers", "strip", "panel", "step"].map((id) => [id, document.getElementById(id).getBoundingClientRect().top]))"""


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_the_answers_and_the_words_come_first(language: str, visit: Open, words: Words, shoot: Any) -> None:
    page, said = visit(language, WIDTH, HEIGHT, touch=True), words[language]
    shoot(page, f"phone-{language}")
    tops = page.evaluate(TOPS)
    answer = page.locator(".card .what").first.bounding_box()
    assert answer["y"] + answer["height"] < HEIGHT  # on the first screen
    assert tops["answers"] < tops["strip"] < 2 * HEIGHT  # and the words on the next
    assert tops["strip"] < tops["panel"] < tops["step"]
    assert page.locator(".hint").is_hidden()
    assert page.locator(".facts:visible").count() == 1  # of the network that is looked into
    # No word is cut off: the question is seen whole.
    assert (
        page.evaluate(
            "() => { const it = document.getElementById('question'); return it.scrollWidth - it.clientWidth; }"
        )
        <= 0
    )
    # What they were taught is a line that opens.
    assert page.locator("#learnt > details > p").first.is_hidden()
    page.locator("#learnt > details > summary").click()
    told = {"en": "en", "zh-TW": "zh"}[language]
    assert page.locator("#learnt > details > p").first.inner_text() == said[f"learnt.what.{told}"]
    # In a wide window it stands there.
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#learnt > p").wait_for()


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_nothing_is_too_small_for_a_finger(language: str, visit: Open, shoot: Any) -> None:
    page = visit(language, WIDTH, HEIGHT, touch=True)

    def check() -> None:
        assert page.evaluate(SMALL) == []
        content, window, out = page.evaluate(WIDE)
        assert content <= window
        assert not out

    check()
    page.locator(".card .answer").nth(1).click()
    page.locator(".carriers").wait_for()
    check()
    shoot(page, f"phone-answer-{language}")
    page.locator(".close").click()
    # Cells of the strip too are as wide as a finger needs: what is pressed at the middle of one is that word.
    page.locator("#strip").scroll_into_view_if_needed()
    page.locator("#strip").tap(position={"x": 36 + 12, "y": 20})
    page.locator(".together").wait_for()
    assert page.evaluate("async () => (await import('./state.js')).state.explained.token") == 0
    page.locator(".together").click()
    page.locator(".outcome:not(.waiting)").wait_for()
    # What came of it is said, and leaves room for what it came of.
    box = page.locator(".changes").bounding_box()
    assert box["height"] < 150
    check()
    shoot(page, f"phone-token-{language}")
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    check()
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    check()


def test_words_are_as_wide_as_a_finger_where_fingers_press(visit: Open) -> None:
    """By where presses lead: the second word of a Chinese story begins 24 pixels after the first, 21 with a mouse."""
    for touch, wide in ((True, 24), (False, 21)):
        page = visit("zh-TW", WIDTH, HEIGHT, touch=touch)
        found = page.evaluate(
            """async () => {
                const strip = document.getElementById("strip");
                const { state } = await import("./state.js");
                const press = (x) => {
                    // The page scrolls at a press.
                    const box = strip.getBoundingClientRect();
                    strip.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: box.left + x, clientY: box.top + 20 }));
                    return state.at;
                };
                let x = 37;
                while (press(x) < 1 && x < 200) x += 1;
                return x - 36;
            }"""
        )
        assert abs(found - wide) <= 1


def test_what_is_typed_on_a_narrow_window_is_read_at_the_first_press(visit: Open) -> None:
    """Nothing moves away from under the pointer when the story is left."""
    page = visit("en", WIDTH, HEIGHT)
    story = "Nami says she wants to become the pirate king. " + "It is windy. " * 20
    page.locator("#story").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(story)
    box = page.locator("#asking button[type=submit]").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(150)  # as long as a finger takes
    page.mouse.up()
    until(page, "async (story) => (await import('./state.js')).state.text === story", arg=story)
