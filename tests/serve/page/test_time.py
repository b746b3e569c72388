"""Step by step, the story made longer, and the page of the gradient."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import until

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]
both = pytest.mark.parametrize("language", ["en", "zh-TW"])


@both
def test_the_story_is_stepped_through_with_its_numbers(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page = visit(language)
    told = words[language]
    step = page.locator("#step")
    step.scroll_into_view_if_needed()
    lit = step.locator(".phase.lit h3")
    step.locator(".phase.lit dd").filter(has_text="=").first.wait_for()
    assert lit.inner_text() == told["phase.forget"]
    for phase in ("select", "output"):
        step.get_by_role("button", name=told["step.phase"]).click()
        assert lit.inner_text() == told[f"phase.{phase}"]
    step.get_by_role("button", name=told["step.phase"]).click()
    assert lit.inner_text() == told["phase.forget"]
    # One unit: each equation is written out with its own numbers, and holds.
    step.locator("select").nth(1).select_option("7")
    step.get_by_role("button", name=told["step.forward"]).click()
    step.get_by_role("button", name=told["step.phase"]).click()
    line = step.locator(".phase.select dd").last
    page.wait_for_function(
        "() => /×.*≈/.test([...document.querySelectorAll('.phase.select dd')].at(-1).textContent)"
    )
    sum_, result = line.inner_text().replace("−", "-").partition(" = ")[2].split(" ≈ ")
    assert abs(eval(sum_.replace("×", "*")) - float(result)) < 0.0004  # four decimals each
    shoot(page, f"step-{language}")
    # It plays by itself, the strip follows, and it stops.
    step.locator("select").nth(0).select_option("fast")
    step.get_by_role("button", name=told["step.play"], exact=True).click()
    until(page, "async () => (await import('./state.js')).state.at >= 4")
    step.get_by_role("button", name=told["step.pause"], exact=True).click()
    at = step.locator(".film").get_attribute("aria-label")
    page.wait_for_timeout(400)
    assert step.locator(".film").get_attribute("aria-label") == at
    # The slider is not lost while it is moved.
    seek = step.locator("input[type=range]")
    seek.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.type") == "range"


@both
def test_a_longer_story_shows_who_forgets(language: str, visit: Open, words: Words, shoot: Any) -> None:
    page = visit(language)
    part = page.locator("#lengthen")
    part.scroll_into_view_if_needed()
    part.locator("table").wait_for()
    rows = part.locator("tbody tr")
    assert rows.count() == 5
    assert rows.nth(2).locator("td.right").count() == rows.nth(2).locator("td").count() >= 8
    # The RNN knows the sentence alone and nothing longer, the LSTM with bias 0 something longer too.
    fares = [
        rows.nth(k).locator("td").evaluate_all("all => all.map((each) => each.classList[0])") for k in (0, 1)
    ]
    assert fares[0][0] == "right"
    assert "right" not in fares[0][1:]
    assert fares[1][:3] == ["right"] * 3
    assert fares[1].count("wrong") >= 7
    slider = part.locator("#longer")
    slider.focus()
    still, lost = (
        words[language][f"lengthen.{how}"].removeprefix("{name}").split("{answer}")[0].strip()
        for how in ("still", "lost")
    )
    tale = part.locator(".tale li").first
    assert still in tale.inner_text()
    page.keyboard.press("ArrowRight")
    assert lost in tale.inner_text()
    assert part.locator(".tale .right").count() == 4
    shoot(page, f"lengthen-one-sentence-{language}")
    page.keyboard.press("End")
    assert part.locator(".tale .right").count() >= 3
    longest = part.locator("thead th").last.inner_text()
    assert int(longest.replace(",", "")) > 900
    assert longest in part.locator("output").inner_text()
    assert part.locator(".now").count() == 6
    # A minGRU's gate keeps by closing.
    stands = re.search(r"[(（]{all}.+?[)）]", words[language]["lengthen.why.half"])
    assert stands
    reasons = part.locator(".reasons li").all_inner_texts()
    assert [stands[0].replace("{all}", "0") in each for each in reasons] == [False] * 4 + [True]
    shoot(page, f"lengthen-{language}")
    part.get_by_text(words[language]["lengthen.take"]).click()
    page.wait_for_function("() => [...document.getElementById('story').value].length > 900")
    until(page, "async () => (await import('./state.js')).state.text.length > 900")


@both
def test_a_name_that_is_hit_again_is_not_said_to_be_held(language: str, visit: Open, words: Words) -> None:
    def forgetful(route: Any) -> None:
        reply = route.fetch()
        said = reply.json()
        for k, answer in enumerate(next(iter(said["answers"].values()))):
            answer.update(text=said["expected"] if k in (0, 3) else "?", guess=False)
        route.fulfill(response=reply, json=said)

    page = visit(language, before=lambda page: page.route("**/api/lengthen", forgetful))
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    page.locator("#longer").focus()
    again = words[language]["lengthen.again"].split("{p}")[1]
    hit = []
    for _ in range(5):
        hit.append(again in page.locator("#lengthen .tale li").first.inner_text())
        page.keyboard.press("ArrowRight")
    assert hit == [False, False, False, True, False]


@both
def test_the_gradient_is_drawn_anew_for_each_slider(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page = visit(language)
    told = words[language]
    page.get_by_role("link", name=told["nav.gradient"]).click()
    page.locator(".curves path.line").first.wait_for()
    assert page.locator(".curves path.line").count() == 5
    shoot(page, f"gradient-{language}", full_page=True)
    rows = page.locator(".gradients tbody tr")
    gone = told["gradient.gone"].replace("{lag}", r"\d+")
    verdict = [rows.nth(k).locator("td").last for k in range(5)]
    assert re.fullmatch(gone.replace("(", r"\(").replace(")", r"\)"), verdict[0].inner_text())
    assert verdict[2].inner_text() == told["gradient.arrives"].replace("{lag}", "200")
    before = page.locator(".series-2 path.line").get_attribute("d")
    bias, said = page.get_by_label(told["gradient.bias"]), verdict[2].inner_text()
    bias.fill("-8")
    page.wait_for_function(
        "(said) => document.querySelectorAll('.gradients tbody tr')[2].lastChild.textContent !== said",
        arg=said,
    )
    bias.fill("0")
    page.get_by_label(told["gradient.scale"]).fill("8")
    grown = [told["gradient.explodes"], told["gradient.grows"].split("{")[0]]
    page.wait_for_function(
        "(said) => said.some((each) => document.querySelector('.gradients tbody td:last-child').textContent.startsWith(each))",
        arg=grown,
    )
    # What is read where, of which story, and no keys but those that are of use here.
    assert page.locator(".curves text.end").count() == 5
    assert {"en": "Luffy", "zh-TW": "魯夫"}[language] in page.locator(".measured .note").first.inner_text()
    assert page.locator("#keys dt").count() == 1
    page.locator(".curves").click(position={"x": 52, "y": 100})
    assert page.get_by_label(told["gradient.lag"]).input_value() == "0"
    # Read at another lag: the number in the table is the line's.
    page.get_by_label(told["gradient.lag"]).fill("0")
    assert rows.nth(0).locator("td").first.inner_text() == "1.00"
    page.get_by_role("button", name=told["gradient.reset"]).click()
    page.wait_for_function(
        "(d) => document.querySelector('.series-2 path.line').getAttribute('d') === d", arg=before
    )
