"""Several changes with one press: all who erased a write are forbidden to, all words that an answer rests on taken out."""

from collections.abc import Callable
from typing import Any

import pytest

from .test_reading import card, token

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]

both = pytest.mark.parametrize("language", ["en", "zh-TW"])


def known(page: Any, expression: str) -> Any:
    return page.evaluate(
        f"async () => {{ const {{ state }} = await import('./state.js'); return {expression}; }}"
    )


def of_all(words: dict[str, str], key: str, number: int) -> str:
    return words[key].replace("{n}", str(number))


@both
def test_all_who_erased_a_write_are_forbidden_at_once_and_allowed_again(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page, said = visit(language), words[language]
    card(page, "LSTM", said["note.zero"]).locator("input").check()
    token(page, 3)
    button = page.locator(".erasers + .together")
    button.wait_for()
    assert button.inner_text() == of_all(said, "change.keep.all", 5)
    # One of them alone is not all of them: the press adds the others.
    page.locator(".erasers .off").nth(2).click()
    assert button.inner_text() == of_all(said, "change.keep.all", 5)
    erasers = known(page, "state.retention.erasers.map(({ token }) => token)")
    asked = []
    page.on("request", lambda request: asked.append(request) if "what-if" in request.url else None)
    # The outcome on the page until then is that of the one alone.
    with page.expect_response(
        lambda response: (
            "what-if" in response.url and len(response.request.post_data_json["keep"]) == len(erasers)
        )
    ):
        button.click()
    page.wait_for_function("() => document.querySelectorAll('.erasers .off.on').length === 5")
    page.locator(".outcome:not(.waiting)").wait_for()
    # The network was run again with all five, once, and what it came to is shown and said.
    assert [request.post_data_json["keep"] for request in asked] == [sorted(erasers)]
    outcome = page.locator(".outcome").inner_text()
    assert page.locator("#live").inner_text() == outcome
    changed = known(page, "state.changed")
    assert changed["answer"]["probability"] != changed["before"]["probability"]
    assert button.inner_text() == of_all(said, "change.keep.all.undo", 5)
    assert page.locator(".chip.keep").count() == 5
    shoot(page, f"forbid-all-{language}")
    button.click()
    page.locator(".changes").wait_for(state="detached")
    assert known(page, "state.keep") == []
    assert page.locator("#live").inner_text().startswith(said["change.none"].split("{")[0])


@both
def test_all_words_that_an_answer_rests_on_are_taken_out_at_once(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page, said = visit(language, before=rests_on_three), words[language]
    page.locator(".card.chosen .answer").click()
    button = page.locator(".carriers + .together")
    button.wait_for()
    assert button.inner_text() == of_all(said, "change.remove.all", 3)
    button.click()
    page.locator(".outcome.new").wait_for()
    assert known(page, "state.remove") == [0, 1, 5]
    assert page.locator("#live").inner_text() == page.locator(".outcome").inner_text()
    assert page.locator(".carriers .off").all_inner_texts() == [said["change.on"]] * 3
    shoot(page, f"remove-all-{language}")
    button.click()
    page.locator(".changes").wait_for(state="detached")
    assert known(page, "state.remove") == []


def rests_on_three(page: Any) -> None:
    """Lets three words carry the answer, whatever the networks that are shipped today rest it on."""

    def three(route: Any) -> None:
        reply = route.fetch()
        told = reply.json()
        told["tokens"] = [
            {"token": place, "share": 0.9 - place / 100, "without": told["tokens"][0]["without"]}
            for place in (1, 0, 5)
        ]
        route.fulfill(response=reply, json={**told, "listed": 3})

    page.route("**/api/answer", three)


def test_one_word_needs_no_press_for_all(visit: Open) -> None:
    def one(route: Any) -> None:
        reply = route.fetch()
        told = reply.json()
        route.fulfill(response=reply, json={**told, "tokens": told["tokens"][:1], "listed": 1})

    page = visit("en", before=lambda page: page.route("**/api/answer", one))
    page.locator(".card.chosen .answer").click()
    page.locator(".carriers").wait_for()
    assert page.locator(".together").count() == 0


@both
def test_the_same_by_keys_from_the_panel_and_from_the_strip(language: str, visit: Open, words: Words) -> None:
    page, said = visit(language, before=rests_on_three), words[language]
    page.locator("#strip").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+K")  # nothing is explained yet, so nobody is listed
    assert known(page, "state.keep") == []
    page.keyboard.press("Enter")
    page.locator(".together").wait_for()
    page.keyboard.press("Shift+K")
    page.locator(".outcome:not(.waiting)").wait_for()
    assert len(known(page, "state.keep")) == 5
    # By Tab to the press, which undoes it, does it again, and keeps the focus meanwhile.
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.matches('.together')"):
            break
    page.keyboard.press("Enter")
    page.locator(".changes").wait_for(state="detached")
    assert page.evaluate("() => document.activeElement.innerText") == of_all(said, "change.keep.all", 5)
    page.keyboard.press("Space")
    page.locator(".outcome:not(.waiting)").wait_for()
    assert len(known(page, "state.keep")) == 5
    page.locator(".card.chosen .answer").click()
    page.locator(".carriers").wait_for()
    page.locator("#strip").focus()
    page.keyboard.press("Shift+X")
    assert known(page, "state.remove") == [0, 1, 5]
    page.keyboard.press("Shift+X")
    assert known(page, "state.remove") == []
    page.locator("footer summary").click()
    assert said["keys.all"] in page.locator("#keys").inner_text()


def test_a_press_counts_though_its_button_is_drawn_anew_before_it_is_let_go(
    visit: Open, words: Words
) -> None:
    page = visit("en")
    card(page, "LSTM", words["en"]["note.chrono"]).locator("input").check()
    token(page, 1)
    button = page.locator(".switch-drop")
    page.wait_for_function("import('./state.js').then(({ state }) => state.retention !== null)")
    button.hover()
    page.mouse.down()
    before = button.element_handle()
    page.evaluate("import('./state.js').then(({ set, state }) => set({ retention: { ...state.retention } }))")
    assert not before.evaluate("button => button.isConnected")
    page.mouse.up()
    assert known(page, "state.drop") == [1]
    button.click()
    assert known(page, "state.drop") == []


@both
def test_the_three_changes_of_a_word_each_say_what_they_ask(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page, said = visit(language), words[language]
    card(page, "LSTM", said["note.chrono"]).locator("input").check()
    token(page, 1)
    page.locator(".toggles").wait_for()
    asks = ["remove", "drop", "keep"]
    notes = page.locator(".toggles .note").all_inner_texts()
    assert notes == [*(said[f"change.{kind}.asks"] for kind in asks), said["change.keys"]]
    # A word that is taken out neither writes nor erases: the other changes of it go, and those take it back.
    for kinds, state in (("drop keep", [[], [1], [1]]), ("remove", [[1], [], []]), ("keep", [[], [], [1]])):
        for kind in kinds.split():
            page.locator(f".switch-{kind}").click()
        page.locator(".outcome:not(.waiting)").wait_for()
        assert [known(page, f"state.{kind}") for kind in asks] == state
    page.keyboard.press("Escape")
    for key, state in (("x", [[1], [], []]), ("w", [[], [1], []])):
        page.keyboard.press(key)
        assert [known(page, f"state.{kind}") for kind in asks] == state
    # Of a network in which one gate keeps and writes, something else is true.
    card(page, "GRU", said["note.chrono"]).locator("input").check()
    token(page, 1)
    page.locator(".toggles").get_by_text(said["change.drop.asks.one"]).wait_for()
    shoot(page, f"three-changes-{language}")


@both
def test_a_word_is_taken_out_of_a_network_without_gates_too(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page, said = visit(language), words[language]
    card(page, "RNN", said["about.plain"]).locator("input").check()
    token(page, 1)
    page.locator(".switch-remove").wait_for()
    assert page.locator(".toggles button").count() == 1
    page.locator(".switch-remove").click()
    page.locator(".outcome:not(.waiting)").wait_for()
    assert page.locator(".fault:visible").count() == 0
    shoot(page, f"rnn-without-{language}")
