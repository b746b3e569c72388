"""What a screen reader is given: roles, names and levels of the accessibility tree, and what is announced, in order."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from .conftest import LANGUAGES

Words = dict[str, dict[str, str]]
both = pytest.mark.parametrize("language", LANGUAGES)
# What is operated or looked at: without a name nobody knows what it is.
NAMED = {"button", "link", "textbox", "combobox", "slider", "checkbox", "radio", "image", "navigation", "region", "complementary"}  # fmt: skip
BEFORE_AND_AFTER = """() => {
    globalThis.announced = [];
    new MutationObserver(() => announced.push(document.getElementById("live").textContent))
        .observe(document.getElementById("live"), { childList: true, characterData: true, subtree: true });
}"""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of the tree. properties: level, checked, expanded and the like."""

    role: str
    name: str
    value: str
    properties: dict[str, Any]


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(40_000)
    yield opened
    opened.close()


def enter(
    page: Any, address: Callable[[str], str], language: str, query: str = "", css: str = ".card .answer"
) -> None:
    page.goto(f"{address('plain').rstrip('/')}/?lang={language}{query}")
    page.locator(css).first.wait_for()


def tree(page: Any) -> list[Node]:
    """The nodes in the order in which they are read."""
    session = page.context.new_cdp_session(page)
    nodes = {each["nodeId"]: each for each in session.send("Accessibility.getFullAXTree")["nodes"]}
    session.detach()
    found: list[Node] = []

    def collect(node: dict[str, Any]) -> None:
        if not node["ignored"]:
            text = {key: str(node.get(key, {}).get("value", "")) for key in ("role", "name", "value")}
            properties = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
            found.append(Node(**text, properties=properties))
        for child in node.get("childIds", []):
            collect(nodes[child])

    collect(next(each for each in nodes.values() if "parentId" not in each))
    return found


def check(page: Any, words: dict[str, str]) -> list[Node]:
    """What holds of every state of the page. Gives its tree."""
    nodes = tree(page)
    unnamed = [node for node in nodes if node.role in NAMED and not node.name.strip()]
    assert not unnamed
    wordless = [node for node in nodes if node.name in words or "{" in node.name]
    assert not wordless
    count = Counter(node.role for node in nodes)
    assert [count[role] for role in ("banner", "main", "contentinfo")] == [1, 1, 1]
    # A second live region would say what a slider says already.
    assert sum(node.properties.get("live") == "polite" for node in nodes if node.role == "status") == 1
    levels = [int(node.properties["level"]) for node in nodes if node.role == "heading"]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    # Two buttons of one name would do two things that nobody can tell apart.
    buttons = Counter(node.name for node in nodes if node.role == "button")
    assert set(buttons.values()) == {1}, buttons
    return nodes


@both
def test_the_free_mode_says_what_everything_is(
    language: str, page: Any, address: Callable[[str], str], words: Words
) -> None:
    enter(page, address, language)
    nodes, said = check(page, words[language]), words[language]
    # Those of the longer stories are there once they are in sight.
    beginnings = {said["lengthen.from.sentence"], said["lengthen.from.story"]}
    radios = [node for node in nodes if node.role == "radio" and node.name not in beginnings]
    assert len({node.name for node in radios}) == 5
    assert sum(bool(node.properties["checked"] == "true") for node in radios) == 1
    strip = next(
        node
        for node in nodes
        if node.role == "slider" and node.name.startswith(said["strip.label"].split("{")[0])
    )
    assert strip.value
    page.locator(".card.chosen .answer").click()
    page.locator(".explained .candidates").wait_for()
    nodes = check(page, said)
    answer = next(node for node in nodes if node.role == "button" and node.properties.get("expanded") is True)
    assert said["answers.right"] in answer.name
    # The explanation is read right after the strip that it explains.
    roles = [(node.role, node.name) for node in nodes]
    panel = roles.index(("complementary", said["panel.label"]))
    assert panel > next(k for k, (role, name) in enumerate(roles) if role == "slider" and name == strip.name)
    page.locator(".off").first.click()
    page.locator(".outcome:not(.waiting)").wait_for()
    check(page, said)
    page.locator("#strip").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".toggles").wait_for()
    strip = next(node for node in check(page, said) if node.role == "slider" and node.name == strip.name)
    token = page.locator("#story").input_value()
    assert strip.value == "2" or token[1] in strip.value
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    check(page, said)


@both
@pytest.mark.parametrize("step", range(1, 9))
def test_every_step_of_the_guide_says_what_everything_is(
    step: int, language: str, page: Any, address: Callable[[str], str], words: Words
) -> None:
    css = ".gradients td" if step == 2 else ".shown canvas, .shown .film .head, #longer"
    enter(page, address, language, f"&guide={step}", css)
    nodes = check(page, words[language])
    assert any(
        node.role == "heading" and words[language][f"guide.{step}.title"] in node.name for node in nodes
    )
    current = [
        node.name
        for node in nodes
        if node.role == "link" and words[language]["guide.number"][:2] in node.name
    ]
    assert len(current) == 8


@both
def test_what_is_announced_comes_in_the_order_of_what_was_done(
    language: str, page: Any, address: Callable[[str], str], words: Words
) -> None:
    enter(page, address, language)
    said = words[language]
    page.evaluate(BEFORE_AND_AFTER)
    begins = []

    def then(key: str, act: Callable[[], None]) -> None:
        """Does something, and waits for what is said of it: what stands before and after the facts."""
        parts = [part for part in said[key].replace("}", "{").split("{")[::2] if part.strip()]
        act()
        page.wait_for_function(
            "(parts) => parts.every((part) => (announced.at(-1) ?? '').includes(part))", arg=parts
        )
        begins.append(page.evaluate("() => announced.length"))

    then("answers.said", lambda: page.locator("#asking button[type=submit]").click())
    then("answer.from", lambda: page.locator(".card.chosen .answer").click())
    then("change.new", lambda: page.locator(".off").first.click())
    then("change.none", lambda: page.locator('[data-keep="undo all"]').click())
    then("token.left.said", lambda: page.locator("#strip").press("Enter"))
    other = next(each for each in LANGUAGES if each != language)
    page.locator(f'[data-language="{other}"]').click()
    page.wait_for_function(
        "(text) => announced.at(-1) === text || announced.includes(text)", arg=words[other]["language.now"]
    )
    # Each was said once: nothing was repeated, and nothing came too late to be about what is shown.
    assert begins == sorted(set(begins))
    announced = page.evaluate("() => announced")
    assert len(set(announced)) == len(announced)
