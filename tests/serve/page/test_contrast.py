"""Every text that is seen stands out from what it is written on, 4.5 to 1, whatever was pressed, light and dark."""

from collections.abc import Callable
from typing import Any

import pytest

Open = Callable[..., Any]

# Texts with their contrast where it is below WCAG's AA: 4.5, or 3 for large letters. Grounds and letters that let others
# through are mixed with what is below them.
FAINT = """() => {
    const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const parts = (colour) => { const found = colour.match(/[\\d.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
    const over = (upper, lower) => [0, 1, 2].map((k) => upper[k] * upper[3] + lower[k] * (1 - upper[3]));
    const above = (each) => (each ? [each, ...above(each.parentElement)] : []);
    const ground = (each) => above(each).map((one) => parts(getComputedStyle(one).backgroundColor)).reverse()
        .reduce((below, colour) => over(colour, below), [255, 255, 255]);
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const each = walk.currentNode.parentElement;
        const style = getComputedStyle(each);
        const text = walk.currentNode.textContent.trim();
        if (!text || !each.checkVisibility({ visibilityProperty: true }) || each.closest(".unseen, noscript")) continue;
        const below = ground(each);
        const letters = parts(each instanceof SVGElement ? style.fill : style.color);
        letters[3] *= above(each).reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1);
        const [high, low] = [light(over(letters, below)), light(below)].sort((a, b) => b - a);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < (large ? 3 : 4.5)) found.push(`${text.slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
    return found;
}"""


@pytest.mark.parametrize("dark", [False, True])
def test_no_text_is_faint(dark: bool, visit: Open, shoot: Any) -> None:
    page = visit("en", dark=dark)

    def check() -> None:
        assert page.evaluate(FAINT) == []

    check()
    for number in (0, 1, 2):  # a guess, a wrong answer, a right one, each on the ground of what is explained
        page.locator(".card .answer").nth(number).click()
        page.locator(".explained .candidates").wait_for()
        check()
    page.locator(".off").first.click()
    page.locator(".outcome:not(.waiting)").wait_for()
    page.locator("#strip").click(position={"x": 100, "y": 20})
    page.locator(".toggles").wait_for()
    page.keyboard.press("ArrowRight")
    page.locator("#tip").wait_for()
    check()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    page.locator("#longer").fill("14")
    page.locator("footer summary").click()
    check()
    # What belongs to another story than the form's can still be read.
    page.locator("#story").fill("Tom has a dog.")
    assert page.locator("#stale-note").is_visible()
    check()
    page.evaluate("() => scrollTo(0, 0)")
    shoot(page, f"stale-{'dark' if dark else 'light'}")
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    check()
