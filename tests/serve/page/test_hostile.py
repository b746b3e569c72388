"""What a page must survive: markup as text, replies out of order, a server that refuses or is gone."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import until

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]
MARKUP = (
    '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script> & "quoted" {n}'
)


def test_markup_is_shown_as_text_wherever_it_comes_from(visit: Open, shoot: Any) -> None:
    """As the story, the question, a token, an answer (the model's own words), and a model's name."""
    page = visit("en", server="own", expect=("422",))
    title = page.title()
    page.locator("#along").check()
    page.locator(".card").nth(4).wait_for()
    page.locator("#story").fill(MARKUP + " 魯夫在家。")
    page.locator("#question").fill(MARKUP)
    page.locator("#asking button[type=submit]").click()
    until(page, "async () => (await import('./state.js')).state.text.startsWith('<img')")
    own = page.locator(".card").first
    assert "<img src=x onerror=alert(1)>" in own.locator(".network").inner_text()
    own.locator(".answer").click()
    page.locator("#panel h3").wait_for()
    assert page.locator("#place option").count() == 4
    page.locator("#place").select_option("1")
    page.locator("#strip").click(position={"x": 60, "y": 14})
    page.locator(".toggles").wait_for()
    page.locator(".switch-drop").click()
    page.locator(".outcome").wait_for()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table, #lengthen .fault").first.wait_for()
    page.locator("#to-gradient").click()
    page.locator(".curves").wait_for()
    assert "<img src=x onerror=alert(1)>" in page.locator("#gradients").inner_text()
    assert page.title() == title
    assert page.locator("img, main script").count() == 0
    shoot(page, "hostile")


def answering(status: int, body: object) -> Callable[[Any], None]:
    return lambda route: route.fulfill(status=status, content_type="application/json", body=json.dumps(body))


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_a_refusal_is_said_in_the_reader_s_language_with_what_to_do(
    language: str, visit: Open, words: Words
) -> None:
    page = visit(language, expect=("Failed to load resource",))
    told = words[language]
    fault = page.locator("#asking-fault")
    submit = page.locator("#asking button[type=submit]")
    cases = [
        (422, "too_long", {"tokens": 5000, "limit": 4000}),
        (413, "too_large", {"limit": 1048576}),
        (429, "busy", {}),
        (504, "timeout", {}),
        (404, "unknown_model", {}),
    ]
    for status, code, facts in cases:
        page.route("**/api/read", answering(status, {"error": "in English", "code": code, "facts": facts}))
        submit.click()
        expected = told[f"fault.{code}"]
        for name, value in facts.items():
            expected = expected.replace(f"{{{name}}}", str(value))
        page.wait_for_function(
            "(said) => document.getElementById('asking-fault').textContent.replaceAll(' ', '') === said.replaceAll(' ', '')",
            arg=expected,
        )
        page.unroute("**/api/read")
    page.route("**/api/read", lambda route: route.abort())
    submit.click()
    page.wait_for_function(
        "(said) => document.getElementById('asking-fault').textContent === said", arg=told["fault.offline"]
    )
    page.unroute("**/api/read")
    # It goes on working, and what was wrong is no longer said.
    submit.click()
    fault.wait_for(state="hidden")
    # Nothing typed: said here, without asking the server.
    page.locator("#story").fill("  ")
    submit.click()
    assert fault.inner_text() == told["fault.no_story"]
    assert page.evaluate("() => document.activeElement.id") == "story"
    # A story that is too long for the server itself.
    page.locator("#story").fill("海" * 5000)
    submit.click()
    page.wait_for_function("() => document.getElementById('asking-fault').textContent.includes('4000')")


def test_the_parts_of_the_page_say_what_failed_in_them(visit: Open, words: Words) -> None:
    def refuse(page: Any) -> None:
        for part in ("token", "answer", "what-if", "values", "lengthen", "gradient"):
            page.route(f"**/api/{part}", answering(429, {"error": "", "code": "busy", "facts": {}}))

    page = visit("en", expect=("Failed to load resource",), before=refuse)
    said = words["en"]["fault.busy"]
    page.locator(".card.chosen .answer").click()
    page.locator("#panel .fault").wait_for()
    assert said in page.locator("#panel").inner_text()
    page.locator("#step").scroll_into_view_if_needed()
    page.locator("#player .fault").wait_for()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengths .fault").wait_for()
    page.locator("#to-gradient").click()
    page.wait_for_function("() => !document.getElementById('gradient-fault').hidden")
    assert said in page.locator("#gradients").inner_text()


def test_a_server_that_is_gone_is_named_at_the_start(visit: Open, words: Words) -> None:
    page = visit(
        "en", ready=None, expect=("Failed to load resource",),
        before=lambda page: page.route("**/api/models", lambda route: route.abort()),
    )  # fmt: skip
    page.wait_for_function(
        "(said) => document.getElementById('asking-fault').textContent === said",
        arg=words["en"]["fault.offline"],
    )


def test_only_the_last_of_two_questions_is_answered(visit: Open) -> None:
    """The first reply comes after the second: it is about what nobody asks any more."""
    page = visit("en")
    page.evaluate(
        """() => {
            const real = window.fetch;
            let number = 0;
            window.fetch = async (path, how) => {
                if (path !== "/api/token") return real(path, how);
                const wait = number++ === 0 ? 600 : 0;
                const reply = await real(path, { ...how, signal: undefined });
                await new Promise((done) => setTimeout(done, wait));
                return reply;
            };
        }"""
    )
    page.locator("#strip").focus()
    page.evaluate(
        "async () => { const { explainToken } = await import('./explain.js'); explainToken(1); explainToken(5); }"
    )
    page.locator(".toggles").wait_for()
    page.wait_for_timeout(800)
    token, left = page.evaluate(
        "async () => { const { state } = await import('./state.js'); return [state.explained.token, state.retention.left]; }"
    )
    assert token == 5
    assert left[5] == 1
    assert left[1] == 0
