"""The page without a mouse: where Tab leads, how one walks the strip, and what is said to those who listen."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_the_question_is_asked_and_answered_by_keys_alone(language: str, visit: Open, words: Words) -> None:
    """From the first Tab to a network that has forgotten, without a mouse."""
    page = visit(language)
    order = []
    for _ in range(60):
        page.keyboard.press("Tab")
        order.append(page.evaluate("() => document.activeElement.id || document.activeElement.className"))
        if page.evaluate("() => document.activeElement.matches('.card.chosen .answer')"):
            break
    assert order[:4] == ["skip", "to-guide", "to-read", "to-gradient"]
    assert order.index("story") < order.index("question") < order.index("another")
    page.keyboard.press("Enter")
    page.locator(".proof").wait_for()
    while not page.evaluate("() => document.activeElement.id === 'strip'"):
        page.keyboard.press("Tab")
    # The strip: numbers of each token as one walks.
    strip = page.locator("#strip")
    assert strip.get_attribute("aria-valuenow") == "1"
    page.keyboard.press("ArrowRight")
    gate = {"en": "forget gate f", "zh-TW": "遺忘閘 f"}[language]
    assert gate in page.locator("#tip").inner_text()
    assert gate in (strip.get_attribute("aria-valuetext") or "")
    assert strip.get_attribute("aria-valuenow") == "2"
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    assert int(strip.get_attribute("aria-valuenow") or 0) > 5
    page.keyboard.press("Control+Home")
    # Who carries it is known: take that word out, by a key; then leave out its write and its erasure alone.
    carrier = page.evaluate(
        "async () => (await import('./state.js')).state.origin.tokens.find((each) => each.share > 0.5).token"
    )
    for _ in range(carrier):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.locator(".outcome.new").wait_for()
    assert page.locator(".chip.remove").count() == 1
    page.keyboard.press("w")
    page.keyboard.press("k")
    assert page.locator(".chip:not(.remove)").count() == page.locator(".chip").count() == 2
    page.keyboard.press("Enter")
    page.locator(".toggles").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".toggles").count() == 0
    assert page.evaluate("() => document.activeElement.id") == "strip"


def test_the_way_to_the_reading_is_offered_where_there_is_one(visit: Open) -> None:
    page = visit("en")
    skip = page.locator(".skip")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'strip'")
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    assert skip.is_hidden()
    page.locator("#to-read").click()
    page.locator("#strip").wait_for()
    assert not skip.is_hidden()


def test_focus_is_seen_everywhere(visit: Open) -> None:
    page = visit("en")
    for _ in range(45):
        page.keyboard.press("Tab")
        style = page.evaluate(
            """() => {
                const at = document.activeElement;
                if (at === document.body) return null;
                const style = getComputedStyle(at);
                return [at.outerHTML.slice(0, 80), style.outlineStyle, parseFloat(style.outlineWidth)];
            }"""
        )
        if style is None:
            break
        assert style[1] != "none", style
        assert style[2] >= 2, style


CONTROLS = """() => {
        const shown = (each) => each.checkVisibility() && !each.closest("[hidden]");
        const name = (each) => each.getAttribute("aria-label")
            || (each.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent).join("")
            || [...(each.labels ?? [])].map((label) => label.textContent).join("")
            || (["INPUT", "SELECT", "TEXTAREA"].includes(each.tagName) ? "" : each.textContent);
        const controls = [...document.querySelectorAll("a, button, input, select, textarea, summary, [tabindex], [role=slider], [role=img]")].filter(shown);
        const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
        return {
            count: controls.length,
            nameless: controls.filter((each) => !name(each).trim()).map((each) => each.outerHTML),
            twice: ids.filter((id, k) => ids.indexOf(id) !== k),
            dangling: [...document.querySelectorAll("[aria-controls], [aria-describedby], [for]")].filter((each) =>
                ["aria-controls", "aria-describedby", "for"].some((one) => each.hasAttribute(one) && !document.getElementById(each.getAttribute(one)))).map((each) => each.outerHTML),
            untranslated: [...document.querySelectorAll("body *")].filter((each) => shown(each) && !each.children.length
                && /^[a-z_]+(\\.[a-z_]+)+$/.test(each.textContent.trim())).map((each) => each.textContent),
            levels: [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((each) => Number(each.tagName[1])),
            small: controls.filter((each) => { const box = each.getBoundingClientRect(); return box.width && box.height < 23 && !each.matches("input[type=radio], a, summary, .skip"); }).map((each) => each.outerHTML),
        };
    }"""


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_every_control_has_a_name_and_every_id_is_one(language: str, visit: Open) -> None:
    page = visit(language)

    def check() -> None:
        found = page.evaluate(CONTROLS)
        assert found["count"] > 5
        for kind in ("nameless", "twice", "dangling", "untranslated", "small"):
            assert not found[kind], (kind, found[kind])
        levels = found["levels"]
        assert levels.count(1) == 1
        assert all(b <= a + 1 for a, b in pairwise(levels)), levels

    check()
    page.locator(".card.chosen .answer").click()
    page.locator(".off").first.click()
    page.locator(".outcome").wait_for()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    check()
    page.locator(".carriers button.token").first.click()
    page.locator(".toggles").wait_for()
    check()
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    check()


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(dark: bool, visit: Open) -> None:
    """WCAG AA for the colours that text is written in: 4.5 to 1, light and dark."""
    page = visit("en", dark=dark)
    found = page.evaluate(
        """() => {
            const style = getComputedStyle(document.documentElement);
            const light = (name) => {
                const [r, g, b] = style.getPropertyValue(`--${name}`).trim().match(/\\w\\w/g).map((part) => {
                    const one = parseInt(part, 16) / 255;
                    return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const pairs = [];
            for (const ground of ["paper", "card"])
                for (const text of ["ink", "soft", "accent", "right", "wrong", "f-text", "i-text", "o-text", "r-text"])
                    pairs.push([text, ground]);
            pairs.push(["ink", "source"], ["ink", "lit"], ["accent", "lit"], ["paper", "accent"], ["paper", "ink"]);
            return pairs.map(([a, b]) => {
                const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
                return [a, b, (high + 0.05) / (low + 0.05)];
            });
        }"""
    )
    assert not [pair for pair in found if pair[2] < 4.5]
