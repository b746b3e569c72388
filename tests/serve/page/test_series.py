"""The page for series in Chromium and Firefox: what it shows is the lens's own, by mouse and by keys, in both languages and at both widths."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from keepgate.data.corpora.labelled_series import read_labelled_series
from keepgate.data.corpora.series import read_series_like
from keepgate.export import load
from keepgate.lens import explain
from keepgate.serve.app import STATIC
from tests.firefox import firefox
from tests.serve.series_models import AHEAD, HOURS, gestures
from tests.tools import needs

from .conftest import until
from .test_axe import RULES
from .test_phone import SMALL
from .test_sizes import WIDE

Open = Callable[..., Any]
LOOKS = [("en", 1280, False), ("zh-TW", 400, True), ("zh-TW", 1280, False), ("en", 400, True)]
looks = pytest.mark.parametrize(("language", "width", "dark"), LOOKS, ids=str)


def words_of(language: str, kind: str) -> dict[str, str]:
    own = json.loads((STATIC / "series" / f"words.{language}.json").read_text("utf-8"))
    return {**own["series"], **own[kind]}


def opened(visit: Open, name: str, language: str, width: int, dark: bool) -> Any:
    page = visit(language, width, dark=dark, server="series", ready="#strip svg")
    if name != "power":
        page.locator("#model").select_option(name)
        page.wait_for_url("**?model=*")
        page.locator("#strip svg").wait_for()
    return page


def figure(value: float) -> str:
    """A number as the page writes it."""
    return f"{float(f'{value:.4g}'):g}".replace("-", "−")


def check(page: Any, where: str) -> None:
    """Nothing is wider than the window, and axe finds nothing."""
    content, window, out = page.evaluate(WIDE)
    assert content <= window, (where, out)
    faults = [
        f"{each['id']}: {node['html'][:120]}"
        for each in Axe().run(page, options=RULES).response["violations"]
        for node in each["nodes"]
    ]
    assert not faults, (where, faults)


@looks
def test_a_forecast(
    language: str, width: int, dark: bool, visit: Open, series_folder: Path, shoot: Any
) -> None:
    page, said = opened(visit, "power", language, width, dark), words_of(language, "forecaster")
    task = load(series_folder / "power")
    north = read_series_like(series_folder / "power.csv", task.statistics.columns).items[0]
    assert page.locator("h1").inner_text() == said["read.title"]
    # The window is moved and the step ahead is chosen by keys.
    page.locator("#end").focus()
    for _ in range(AHEAD):
        page.keyboard.press("ArrowLeft")
    page.locator("#ahead").focus()
    page.keyboard.press("ArrowRight")
    until(page, f"async () => (await import('../state.js')).state.readings[0].end === {HOURS - AHEAD}")
    until(page, "async () => (await import('../state.js')).state.readings[0].forecast.ahead === 2")
    window = replace(north.up_to(HOURS - AHEAD, known=len(north.known)), focus=(0, 2))
    (forecast,) = task.forecast([window])
    card = page.locator("#answer").inner_text()
    assert figure(forecast.point[1, 0]) in card
    assert figure(forecast.quantiles[0.1][1, 0]) in card
    assert figure(north.targets[HOURS - AHEAD + 1, 0]) in card  # what came
    assert page.locator("#ahead").get_attribute("aria-valuetext").endswith(forecast.times[1])
    # What it rests on.
    page.locator("#rests").scroll_into_view_if_needed()
    page.locator("#rests-on table").wait_for()
    explanation = explain(task, window)
    first = explanation.token_effects[0]
    row = page.locator("#rests-on tbody tr").first.inner_text()
    lag = len(explanation.tokens) - 1 - first.step
    assert (f"t−{lag}" if lag else "t") in row
    assert figure(abs(first.change)) in row
    label = page.locator(".lags").get_attribute("aria-label")
    assert all(name in label for name in ("load", "temperature", "weekend"))
    check(page, "what it rests on")
    # A segment, by keys: what it wrote, and the forecast without it.
    page.locator("#strip").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert "load" in page.locator("#strip").get_attribute("aria-valuetext")
    assert page.locator("#strip").get_attribute("aria-valuenow") == "7"
    page.keyboard.press("Enter")
    page.locator(".toggles").wait_for()
    page.keyboard.press("x")
    page.locator(".outcome:not(.waiting)").wait_for()
    assert figure(explanation.number) in page.locator(".outcome").inner_text()
    assert page.locator("#answer .changed").count() == 1
    check(page, "a change")
    shoot(page, f"series-power-{language}-{width}")
    page.locator("#step").scroll_into_view_if_needed()
    page.locator(".film .head").wait_for()


@looks
def test_a_label(language: str, width: int, dark: bool, visit: Open, series_folder: Path, shoot: Any) -> None:
    page, said = opened(visit, "gestures", language, width, dark), words_of(language, "series-classifier")
    task = load(series_folder / "gestures")
    item = read_labelled_series(series_folder / "gestures.csv").items[3]
    assert page.locator("h1").inner_text() == said["read.title"]
    assert page.locator("#moves").is_hidden()
    page.locator("#series").select_option("3")
    until(page, "async () => (await import('../state.js')).state.readings[0].series === 3")
    (answer,) = task.predict([item])
    card = page.locator("#answer").inner_text()
    assert page.locator("#answer .what").inner_text() == answer.text
    assert f"{100 * answer.probability:.1f}%" in card
    page.locator("#rests").scroll_into_view_if_needed()
    page.locator("#rests-on table").first.wait_for()
    first = explain(task, item).token_effects[0]
    row = page.locator(
        "#rests-on tr", has_text=said["rests.step"].format(k=first.step + 1)
    ).first.inner_text()
    assert f"{100 * first.without.probability:.1f}%" in row
    check(page, "what it rests on")
    # By pointer: a step, what it wrote, and the label without what it wrote.
    box = page.locator("#strip svg").bounding_box()
    page.locator("#strip").click(position={"x": box["width"] - 12, "y": 40})
    page.locator(".toggles").wait_for()
    assert (
        page.evaluate("async () => (await import('../state.js')).state.explained.token")
        == len(item.values) - 1
    )
    page.locator(".switch-drop").click()
    page.locator(".outcome:not(.waiting)").wait_for()
    check(page, "a change")
    shoot(page, f"series-gestures-{language}-{width}")
    if width < 500:
        assert page.evaluate(SMALL) == []


def test_a_table_of_one_s_own(visit: Open) -> None:
    page = opened(visit, "gestures", "en", 1280, False)
    page.locator("#source").select_option("own")
    page.locator("#table").fill(gestures().replace("g1", "mine"))
    page.keyboard.press("Control+Enter")
    page.locator("#series option", has_text="mine").wait_for(state="attached")
    # Before the rest of the page is read anew, a fault leaves it as it was.
    page.locator("#table").fill("")
    page.locator("#asking button[type=submit]").click()
    page.locator("#asking-fault").wait_for()
    assert page.locator("#asking-fault").inner_text() == words_of("en", "series-classifier")["fault.no_table"]
    assert page.locator("#strip svg").is_visible()


def test_a_table_that_cannot_be_read_is_said(visit: Open) -> None:
    page = visit("en", server="series", ready="#strip svg", expect=("422",))
    page.locator("#source").select_option("own")
    page.locator("#table").fill("a,b\n1,2\n")
    page.locator("#asking button[type=submit]").click()
    page.locator("#asking-fault").wait_for()
    assert "has no column" in page.locator("#asking-fault").inner_text()
    # What is shown is said to be older, and can still be asked about.
    assert page.locator("#stale-note").is_visible()
    page.locator("#strip").focus()
    page.keyboard.press("Enter")
    page.locator(".toggles").wait_for()
    check(page, "a fault")


def test_what_took_too_long_is_asked_again(visit: Open) -> None:
    def late(page: Any) -> None:
        fault = json.dumps({"code": "timeout", "error": "late", "facts": {"seconds": 1}})
        page.route("**/api/series/answer", lambda route: route.fulfill(status=504, body=fault))

    page = visit("en", server="series", ready="#strip svg", before=late, expect=("504",))
    page.locator("#rests").scroll_into_view_if_needed()
    page.locator("#rests-on .fault").wait_for()
    page.unroute("**/api/series/answer")
    page.locator("#rests-on button").click()
    page.locator("#rests-on table").wait_for()


def test_the_page_for_texts_leads_there(visit: Open) -> None:
    page = visit("en", server="both")
    page.locator("#to-series").click()
    page.locator("#strip svg").wait_for()
    assert page.url.endswith("/series/")
    plain = visit("en")
    plain.wait_for_timeout(300)
    assert plain.locator("#to-series").count() == 0


def test_of_one_step_ahead_the_interval_and_what_came_are_drawn(visit: Open) -> None:
    page = visit("en", server="series", ready="#strip svg")
    width, came = page.evaluate(
        """async () => {
            const [{ draw, layOut }, { state }] = await Promise.all([import("./chart.js"), import("../state.js")]);
            const forecast = { point: [100], low: [90], high: [110], came: [105], times: ["t"], ahead: 1 };
            const read = { ...state.readings[0], forecast };
            const svg = document.body.appendChild(draw(read, layOut(read, 600, 0), [], ""));
            return [svg.querySelector(".interval").getBBox().width, svg.querySelector(".came").getTotalLength()];
        }"""
    )
    assert width > 0
    assert came > 0


def test_what_the_answer_rests_on_is_drawn_anew_at_another_width_only(visit: Open) -> None:
    page = visit("en", server="series", ready="#strip svg")
    page.locator("#rests").scroll_into_view_if_needed()
    page.locator(".lags").wait_for()
    settled = "() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => next())))"
    page.evaluate(settled)
    page.evaluate(
        "() => { document.querySelector('.lags').id = 'before'; rests.append(document.createElement('hr')); }"
    )
    page.evaluate(settled)
    assert page.locator("#before").count() == 1
    page.set_viewport_size({"width": 700, "height": 900})
    page.locator("#before").wait_for(state="detached")


def test_a_step_that_was_not_left_out_stands_on_no_ground(visit: Open) -> None:
    page, words = visit("en", server="series", ready="#strip svg"), words_of("en", "forecaster")
    page.locator("#rests").scroll_into_view_if_needed()
    page.locator(".lags").wait_for()
    legend, grounds = page.locator("#legend"), page.locator("#strip .trough")
    legend.get_by_text(words["legend.rests"]).wait_for()
    before = grounds.last.get_attribute("d").count("M")
    page.evaluate(
        """async () => {
            const { set, state } = await import("../state.js");
            set({ rests: { ...state.rests, changes: state.rests.changes.map((change, k) => (k % 3 ? null : change)) } });
        }"""
    )
    legend.get_by_text(words["legend.rests.some"]).wait_for()
    assert grounds.last.get_attribute("d").count("M") == before / 3


@needs("firefox")
def test_it_works_in_firefox(address: Callable[[str], str]) -> None:
    with firefox("zh-TW") as window:
        window.open(address("series"))
        found = window.call(
            """async () => {
                const until = async (ready) => { while (!ready()) await new Promise((next) => setTimeout(next, 50)); };
                await until(() => document.querySelector("#strip svg"));
                document.getElementById("rests").scrollIntoView();
                await until(() => document.querySelector("#rests-on table"));
                document.getElementById("strip").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
                await until(() => document.querySelector(".toggles"));
                return [document.querySelector("h1").textContent, document.documentElement.scrollWidth <= innerWidth];
            }"""
        )
    assert found == [words_of("zh-TW", "forecaster")["read.title"], True]
