"""axe-core finds no violation of WCAG 2.2 A and AA in any mode of the page: free, guided, gradient, embedded, and the sheet."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# Each language, colour scheme and width is met at least once.
LOOKS = [("en", "light", 1280), ("zh-TW", "dark", 400), ("en", "dark", 400), ("zh-TW", "light", 1280)]


@pytest.fixture
def page(browser: Any, look: tuple[str, str, int]) -> Any:
    language, scheme, width = look
    opened = browser.new_page(
        locale=language,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    )
    opened.set_default_timeout(40_000)
    yield opened
    opened.close()


def check(page: Any, where: str) -> None:
    found = Axe().run(page, options=RULES).response["violations"]
    faults = [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
    assert not faults, (where, faults)


def at(address: Callable[[str], str], place: str) -> str:
    return f"{address('plain').rstrip('/')}/{place}"


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_the_free_mode(look: tuple[str, str, int], page: Any, address: Callable[[str], str]) -> None:
    page.goto(address("plain"))
    page.locator(".card .answer").nth(3).wait_for()
    check(page, "opened")
    page.locator(".card .answer").nth(2).click()
    page.locator(".explained .candidates").wait_for()
    page.locator(".off").first.click()
    page.locator(".outcome:not(.waiting)").wait_for()
    page.locator(".candidates summary").click()
    check(page, "an answer explained, and a change made")
    page.locator("#strip").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".toggles").wait_for()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    page.locator("footer summary").click()
    check(page, "a word explained, the lengths and the keys")
    page.locator("#story").fill("")
    page.locator("#asking button[type=submit]").click()
    page.locator("#asking-fault").wait_for()
    check(page, "a fault")
    page.locator("#to-gradient").click()
    page.locator(".gradients td").first.wait_for()
    check(page, "the gradient")


@pytest.mark.parametrize("look", LOOKS[:2], ids=str)
def test_the_guide_and_what_stands_alone(
    look: tuple[str, str, int], page: Any, address: Callable[[str], str]
) -> None:
    for step in range(1, 9):
        page.goto(at(address, f"?guide={step}&lang={look[0]}"))
        page.locator(
            ".gradients td" if step == 2 else ".shown canvas, .shown .film .head, #longer"
        ).first.wait_for()
        check(page, f"step {step}")
    for part, css in {
        "answers": ".card .answer", "gates": "canvas", "step": ".film .head", "film": ".film .head", "beside": "#beside svg",
        "length": "#lengths table", "bridge": "#bridge svg", "gradient": ".gradients td",
    }.items():  # fmt: skip
        page.goto(at(address, f"?embed={part}&lang={look[0]}"))
        page.locator(css).first.wait_for()
        check(page, f"{part} alone")
    page.goto(at(address, "sheet.html"))
    check(page, "the sheet")
