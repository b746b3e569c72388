"""Narrow and wide windows, light and dark, a thousand tokens, and how long it all takes."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import SCREENSHOTS, until

Open = Callable[..., Any]
# Milliseconds that an interaction may take on two cores that do nothing else; the quick test allows for others.
BOUND, BUSY = 200, 1500
# How wide the page is, how wide the window, and what stands out of it, or can be scrolled sideways.
WIDE = """() => {
    const shown = [...document.querySelectorAll("main, main *")].filter((each) => each.checkVisibility() && !each.closest(".unseen"));
    const out = shown.filter((each) => each.getBoundingClientRect().right > innerWidth + 1
        || (["auto", "scroll"].includes(getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth + 1));
    return [document.documentElement.scrollWidth, innerWidth, out.map((each) => each.outerHTML.slice(0, 90))];
}"""


@pytest.mark.parametrize(
    ("width", "language"),
    [(400, "en"), (400, "zh-TW"), (1280, "zh-TW"), pytest.param(2200, "en", marks=pytest.mark.slow)],
)
def test_nothing_stands_out_of_the_window(width: int, language: str, visit: Open, shoot: Any) -> None:
    page = visit(language, width, dark=width == 1280)
    page.locator(".card.chosen .answer").click()
    page.locator(".proof").wait_for()
    page.locator(".off").first.click()
    page.locator(".outcome.new").wait_for()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    content, window, out = page.evaluate(WIDE)
    assert content <= window
    assert not out
    page.evaluate("() => scrollTo(0, 0)")
    shoot(page, f"answer-{width}-{language}", full_page=True)
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    content, window, out = page.evaluate(WIDE)
    assert content <= window
    assert not out
    shoot(page, f"gradient-{width}-{language}", full_page=True)


def test_the_strip_is_never_wider_than_its_place(visit: Open) -> None:
    """Not even before it is drawn anew: a phone that is turned would widen the page for it."""
    page = visit("en")
    strip, canvas = page.evaluate("""() => {
        const strip = document.getElementById("strip");
        strip.style.width = "200.5px";
        return [strip, strip.querySelector("canvas")].map((each) => each.getBoundingClientRect().width);
    }""")
    assert canvas <= strip == 200.5
    page.wait_for_function(
        "() => document.querySelector('#strip canvas').getBoundingClientRect().width === 200"
    )


def test_on_a_narrow_window_the_explanation_comes_to_the_word(visit: Open, shoot: Any) -> None:
    page = visit("zh-TW", 400, 800)
    page.locator("#strip").scroll_into_view_if_needed()
    page.locator("#strip").click(position={"x": 100, "y": 16})
    page.locator(".toggles").wait_for()
    box = page.locator("#panel").bounding_box()
    assert box["y"] < 800
    assert box["y"] > 250
    shoot(page, "narrow-token")


def test_the_page_stands_still_by_the_time_an_explanation_can_be_pressed(visit: Open) -> None:
    held: list[Any] = []
    page = visit(
        "en",
        400,
        motion=True,
        before=lambda page: page.route("**/api/answer", lambda route: held.append(route)),
    )
    page.evaluate("() => addEventListener('scrollend', () => { globalThis.scrolled = true; })")
    page.locator(".card.chosen .answer").dispatch_event("click")  # a click scrolls, too
    page.wait_for_function("() => globalThis.scrolled")
    at = page.evaluate("() => [scrollY, document.getElementById('panel').getBoundingClientRect().bottom]")
    assert at[0] > 300
    held[0].continue_()
    page.locator(".proof").wait_for()
    page.wait_for_timeout(500)
    assert (
        page.evaluate("() => [scrollY, document.getElementById('panel').getBoundingClientRect().bottom]")
        == at
    )


def test_a_thousand_tokens_are_walked_and_scrolled_without_jerks(visit: Open, shoot: Any) -> None:
    page = visit("zh-TW")
    page.locator("#length").select_option("1000")
    until(page, "async () => (await import('./state.js')).reading()?.tokens.length > 900")
    drawn = page.evaluate(
        "() => [...document.querySelectorAll('#strip canvas')].map((each) => each.width > 0)"
    )
    page.wait_for_timeout(300)
    drawn = page.evaluate(
        "() => [...document.querySelectorAll('#strip canvas')].map((each) => each.width > 0)"
    )
    assert len(drawn) > 4
    assert not all(drawn)  # what is out of sight holds no pixels
    # A frame in which the cursor steps or the page scrolls, against the idle frame before it: neighbours slow both.
    medians = page.evaluate(
        """async () => {
            const strip = document.getElementById("strip");
            strip.focus();
            const idle = [], active = [];
            const frame = () => new Promise((done) => requestAnimationFrame(done));
            for (let k = 0; k < 120; k += 1) {
                const start = await frame(), before = await frame();
                if (k % 2) strip.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
                else window.scrollBy(0, k < 60 ? 40 : -40);
                idle.push(before - start);
                active.push(await frame() - before);
            }
            return [idle, active].map((times) => times.sort((a, b) => a - b)[times.length / 2]);
        }"""
    )
    note("frames of 1,000 tokens, ms: idle median", medians[0])
    note("frames of 1,000 tokens, ms: active median", medians[1])
    assert medians[1] < 3 * medians[0]
    shoot(page, "thousand", full_page=True)


def note(name: str, value: float) -> None:
    """Keeps a figure beside the screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / "times.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**known, name: round(value, 1)}, indent=1), encoding="utf-8")


def interactions(page: Any, timed: Callable[..., float]) -> dict[str, float]:
    """Milliseconds from the act to its drawing, server and all, for a story of 300 characters."""
    page.locator("#length").select_option("300")
    until(page, "async () => (await import('./state.js')).reading()?.tokens.length > 250")
    page.wait_for_timeout(300)
    found = {"read": timed(page, "read", lambda: page.locator("#asking button[type=submit]").click())}
    found["read another"] = timed(page, "story", lambda: page.locator("#another").click())
    found["answer"] = timed(page, "answer", lambda: page.locator(".card.chosen .answer").click())
    found["what-if"] = timed(page, "what-if", lambda: page.locator(".off").first.click())
    found["token"] = timed(page, "token", lambda: page.locator("#strip").click(position={"x": 70, "y": 16}))
    page.locator("#step").scroll_into_view_if_needed()
    page.locator("#player option").nth(9).wait_for(state="attached")
    unit = page.locator("#player select").nth(1)
    found["values"] = timed(page, "values", lambda: unit.select_option("5"))
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    found["lengthen"] = timed(page, "lengthen", lambda: page.locator("input[value=story]").check())
    found["gradient"] = timed(page, "gradient", lambda: page.locator("#to-gradient").click())
    for name, value in found.items():
        note(f"{name}, ms", value)
    return found


def best(page: Any, timed: Callable[..., float], *, enough: float) -> dict[str, float]:
    """The fastest of up to three tries, so that what else the machine does counts less; one try if that is enough."""
    found: dict[str, float] = {}
    for _ in range(3):
        tried = interactions(page, timed)
        found = {name: min(value, found.get(name, value)) for name, value in tried.items()}
        if max(found.values()) < enough:
            break
        page.locator("#to-read").click()
        page.reload()
        page.wait_for_selector(".card")
    return found


def test_interactions_are_quick(visit: Open, timed: Callable[..., float]) -> None:
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)  # how many processes share a core
    bound = BUSY * max(1.0, waiting)
    assert max(best(visit("zh-TW"), timed, enough=bound).values()) < bound


@pytest.mark.slow
def test_interactions_keep_their_bound_on_a_quiet_machine(visit: Open, timed: Callable[..., float]) -> None:
    found = best(visit("zh-TW"), timed, enough=0)
    assert not {
        name: value
        for name, value in found.items()
        if value > (1000 if name in ("lengthen", "gradient") else BOUND)
    }
