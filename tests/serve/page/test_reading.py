"""The page of readings: an example that is read already, where an answer comes from, what became of a word, what if."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from keepgate.demo.pretrained import OPEN_NAMES

from .conftest import until
from .test_links import opened

Open = Callable[..., Any]
Words = dict[str, dict[str, str]]

NAMES = {"en": "Luffy", "zh-TW": "魯夫"}
FACTS = {"en": "Luffy says he wants to become the pirate king.", "zh-TW": "魯夫說他想成為海賊王。"}
both = pytest.mark.parametrize("language", ["en", "zh-TW"])


def card(page: Any, network: str, note: str) -> Any:
    name = page.locator(".network", has_text=re.compile(f"^{network}$"))
    return page.locator(".card").filter(has=name).filter(has_text=note)


def token(page: Any, number: int) -> None:
    """Clicks a token of the strip, wherever it was laid."""
    x, y = page.evaluate(
        """async (number) => {
            const { state, reading, strip } = await import("./state.js");
            const { layOut, lineHeight } = await import("./layout.js");
            const { gapsOf } = await import("./text.js");
            const host = document.getElementById("strip");
            const read = reading();
            const pen = document.createElement("canvas").getContext("2d");
            pen.font = `500 17px ${getComputedStyle(host).fontFamily}`;
            const laid = layOut({ tokens: read.tokens, gaps: gapsOf(state.text, read), askedFrom: read.question_start,
                width: host.clientWidth, lanes: Object.keys(strip().gates).length + 1,
                measure: (token) => pen.measureText(token).width });
            for (const line of laid.lines) for (const cell of line.cells) {
                if (cell.token === number) return [cell.x + cell.width / 2, line.top + 14];
            }
        }""",
        number,
    )
    page.locator("#strip").click(position={"x": x, "y": y})


@both
def test_the_first_screen_shows_an_example_already_read(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page = visit(language)
    assert page.locator("#story").input_value().startswith(FACTS[language])
    assert page.locator(".card").count() == 5
    said = page.locator(".card .what").all_inner_texts()
    assert said[2:] == [NAMES[language]] * 3
    assert said[0] != NAMES[language]
    assert words[language]["answers.right"] in card(page, "GRU", "chrono").inner_text()
    assert page.locator(".lead span").first.inner_text() == words[language]["read.lead"]
    assert page.locator(".lead a").get_attribute("href") == "#guide"
    assert page.locator("#strip canvas").count() > 0
    assert page.evaluate("document.documentElement.lang") == {"en": "en", "zh-TW": "zh-Hant-TW"}[language]
    shoot(page, f"first-{language}")


@both
def test_an_answer_says_where_it_came_from_and_leaving_that_out_makes_the_network_forget(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page = visit(language)
    card(page, "LSTM", "chrono").locator(".answer").click()
    panel = page.locator("#panel")
    assert panel.locator("blockquote").inner_text() == FACTS[language]
    proof = panel.locator(".proof").inner_text()
    # What is left out is said, one word or the whole sentence; what the answer then becomes is another name.
    _, became = proof.split({"en": "the answer becomes", "zh-TW": "答案就變成"}[language])
    assert NAMES[language] not in became
    assert card(page, "LSTM", "chrono").locator(".answer").get_attribute("aria-expanded") == "true"
    shoot(page, f"answer-{language}")
    # The same word, taken out by whoever reads the page; and put back.
    row = panel.locator(".carriers li").first
    assert {"en": "(1st word)", "zh-TW": "第 2 個字"}[language].strip("()") in row.inner_text()
    becomes = row.inner_text()
    row.locator(".off").click()
    outcome = page.locator(".outcome.new")
    outcome.wait_for()
    assert NAMES[language] in outcome.inner_text()
    became = page.evaluate("async () => (await import('./state.js')).state.changed.answer.text")
    assert became != NAMES[language]
    assert became in becomes
    assert page.locator(".card.chosen .what").inner_text() == became
    assert NAMES[language] in page.locator(".changed").inner_text()
    assert row.locator(".off").inner_text() == words[language]["change.on"]
    assert page.locator("#panel > *").first.get_attribute("class") == "changes"  # the result above the rest
    shoot(page, f"what-if-{language}")
    page.get_by_role("button", name=words[language]["change.clear"]).click()
    page.locator(".changes").wait_for(state="detached")
    assert page.locator(".changed").count() == 0


@both
def test_a_word_says_what_is_left_of_it_and_who_erased_it(
    language: str, visit: Open, words: Words, shoot: Any
) -> None:
    page = visit(language)
    token(page, 1)
    panel = page.locator("#panel")
    panel.locator(".left").wait_for()
    assert "%" in panel.locator(".left").inner_text()
    assert panel.get_by_role("heading", name=words[language]["token.erasers"]).count() == 1
    assert panel.locator(".rows li").count() == 5
    # In one unit alone: another size of the write, the same token.
    size = panel.locator(".written").inner_text()
    panel.locator("select").select_option(index=1)
    page.wait_for_function("(size) => document.querySelector('.written').innerText !== size", arg=size)
    shoot(page, f"token-{language}")
    # An eraser leads to itself, and who walks by keys stays in the panel.
    named = panel.locator("h3").inner_text()
    panel.locator("button.token").first.click()
    page.wait_for_function("(old) => document.querySelector('#panel h3').innerText !== old", arg=named)
    assert page.evaluate("() => document.getElementById('panel').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert panel.locator(".hint").count() == 1


@both
def test_a_plain_rnn_says_why_no_write_can_be_followed_and_what_can_be_measured(
    language: str, visit: Open, words: Words
) -> None:
    page = visit(language)
    page.locator(".card").first.locator(".answer").click()
    page.locator("#panel .carriers").wait_for()
    token(page, 2)
    assert words[language]["token.no_memory"] in page.locator("#panel").inner_text()
    assert words[language]["token.carries"] in page.locator("#panel").inner_text()
    page.wait_for_function(
        "(said) => document.getElementById('legend').innerText.includes(said)",
        arg=words[language]["legend.carries"],
    )


@both
def test_forbidding_erasures_is_tried_too(language: str, visit: Open, words: Words) -> None:
    page = visit(language)
    token(page, 4)
    page.locator(".switch-keep").click()
    page.locator(".outcome:not(:empty)").wait_for()
    assert page.locator(".chip.keep").count() == 1
    # The change stays when another network is looked into, and is asked of that one.
    card(page, "GRU", "chrono").locator("input").check()
    page.locator(".outcome").wait_for()
    assert page.locator(".chip.keep").count() == 1


@both
def test_the_language_is_changed_and_remembered(language: str, visit: Open, words: Words) -> None:
    other = {"en": "zh-TW", "zh-TW": "en"}[language]
    page = visit(language)
    page.locator(f"[data-language={other}]").click()
    page.wait_for_function(
        "(text) => document.getElementById('story').value.startsWith(text)", arg=FACTS[other]
    )
    page.wait_for_function(
        "(name) => document.querySelector('.card.chosen .what')?.textContent === name", arg=NAMES[other]
    )
    page.reload()
    page.wait_for_selector(".card")
    assert page.title() == words[other]["title"]
    assert page.locator(f"[data-language={other}]").get_attribute("aria-pressed") == "true"


def test_a_text_of_one_s_own_is_read_by_the_networks_of_its_language(visit: Open) -> None:
    page = visit("en")
    page.locator("#story").fill("娜美說他想成為海賊王。下雨了。")
    page.locator("#question").fill("是誰想要成為海賊王?")
    page.locator("#question").press("Enter")
    page.wait_for_function("() => document.querySelector('.card.chosen .what')?.textContent === '娜美'")
    # The story is told as the networks know it, so that what is right is known.
    assert page.locator(".card.chosen .mark.right").count() == 1
    assert page.locator(".card").first.locator(".mark").get_attribute("class") == "mark wrong"
    assert "Chinese" in page.locator("#reading-note").inner_text()


def test_another_example_and_another_length(visit: Open) -> None:
    page = visit("zh-TW")
    first = page.locator("#story").input_value()
    page.locator("#another").click()
    page.wait_for_function("(text) => document.getElementById('story').value !== text", arg=first)
    page.locator("#length").select_option("300")
    page.wait_for_function("() => [...document.getElementById('story').value].length > 250")
    page.wait_for_function("() => document.querySelectorAll('.mark.right').length >= 2")


@both
def test_a_guess_is_called_one_even_where_it_is_lucky(language: str, visit: Open, words: Words) -> None:
    """As of a network that never learned, whose answers are all about equally likely, and now and then right."""

    def guessed(expected: str) -> dict[str, Any]:
        return {"text": expected, "probability": 0.07, "guess": "chance"}

    def lucky(route: Any) -> None:
        reply = route.fetch()
        said = reply.json()
        said["readings"][0]["answer"].update(guessed(said["expected"]))
        route.fulfill(response=reply, json=said)

    def lucky_throughout(route: Any) -> None:
        reply = route.fetch()
        said = reply.json()
        for answer in next(iter(said["answers"].values())):
            answer.update(guessed(said["expected"]), right=True)
        route.fulfill(response=reply, json=said)

    def from_nowhere(route: Any) -> None:
        reply = route.fetch()
        none = {"kind": "guess", "from": None, "to": None, "deciding": 0, "proof": None}
        route.fulfill(response=reply, json={**reply.json(), "origin": none})

    def between(page: Any) -> None:
        page.route("**/api/read", lucky)
        page.route("**/api/answer", from_nowhere)
        page.route("**/api/lengthen", lucky_throughout)

    page = visit(language, before=between)
    first = page.locator(".card").first
    assert first.locator(".what").inner_text() == NAMES[language]
    assert words[language]["answers.guess"] in first.inner_text()
    assert words[language]["answers.right"] not in first.inner_text()
    first.locator(".answer").click()
    page.locator("#panel").get_by_text(words[language]["answer.guess"].split("{")[0]).wait_for()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    assert page.locator("#lengthen tbody tr").first.locator("td.right").count() == 0
    assert page.locator("#lengthen tbody tr").first.locator("td.guess").count() > 10


def test_what_the_networks_do_not_know_is_said(visit: Open, words: Words) -> None:
    page = visit("en")
    assert words["en"]["learnt.what.en"] in page.locator("#learnt").inner_text()
    page.locator("#learnt summary").click()
    assert "Luffy, " in page.locator("#learnt details p").first.inner_text()
    page.locator("#story").fill("Luffy says he wants to become the pirate king. Tom buys a red bicycle.")
    assert page.locator("#stale-note").is_visible()
    page.locator("#question").press("Enter")
    page.locator("#reading-note").get_by_text("of the words are unknown").wait_for()
    assert not page.locator("#stale-note").is_visible()
    assert words["en"]["legend.unknown"] in page.locator("#legend").inner_text()


def test_a_sentence_of_one_s_own_is_read_by_the_networks_that_point(visit: Open, words: Words) -> None:
    page = visit("en")
    page.locator("#story").fill("Tom bought a red bicycle. Zelda bought a hat.")
    page.locator("#question").fill("Who bought a hat?")
    page.locator("#question").press("Enter")
    page.locator(".card .note", has_text=words["en"]["note.open"]).first.wait_for()
    names = page.locator(".card .network").all_inner_texts()
    answers = dict(zip(names, page.locator(".card .what").all_inner_texts(), strict=True))
    assert len(answers) == len(OPEN_NAMES)
    assert answers["LSTM"] == "Zelda"
    assert words["en"]["learnt.open"] in page.locator("#learnt").inner_text()
    page.locator(".card.chosen .answer").click()
    page.locator(".proof").wait_for()
    page.locator("#question").fill("Who bought a house?")
    page.locator("#question").press("Enter")
    page.locator(".card.doubt", has_text=words["en"]["answers.none"]).first.wait_for()
    # Nobody knows the answer: nothing is called right, wrong, or forgotten.
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    assert page.locator(".mark.right, .mark.wrong, #lengthen .right, #lengthen .wrong").count() == 0
    assert words["en"]["lengthen.why"] not in page.locator("#lengthen").inner_text()
    assert words["en"]["answers.open"] in page.locator("#reading-note").inner_text()


@pytest.mark.parametrize(
    ("story", "cards"),
    [
        ("Luffy says he wants to become the pirate king. It rains.", 5),
        ("Nami says she wants to become the pirate king. It rains.", 5),
        ("Luffy does not want to become the pirate king.", 4),
        ("Luffy says Nami wants to become the pirate king.", 4),
        ("Luffy does not want to become the pirate king. Nami says he wants to become the pirate king.", 4),
        ("Luffy says he wants to become the pirate king. Now Nami wants to become the pirate king.", 4),
    ],
)
def test_what_denies_or_tells_of_others_is_not_read_by_networks_that_learnt_one_sentence(
    browser: Any, address: Callable[[str], str], story: str, cards: int
) -> None:
    page = opened(browser, address, story=story, question="Who wants to become the pirate king?", lang="en")
    page.locator(".card .answer").nth(3).wait_for()
    assert page.locator(".card").count() == cards
    page.close()


def test_a_longer_story_holds_the_sentence_that_answers(
    browser: Any, address: Callable[[str], str], words: Words
) -> None:
    story = "魯夫不想當海賊王了。志豪說他想成為海賊王。"
    page = opened(browser, address, story=story, question="是誰想要成為海賊王？", lang="zh-TW")
    page.locator(".card .mark.right").first.wait_for()
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    assert page.locator("#lengthen thead th").nth(1).inner_text() == str(len(story))
    assert page.locator("#lengthen td[data-column='0'] .given").all_inner_texts() == ["志豪"] * 4
    assert page.locator("#lengthen fieldset").count() == 0  # the first sentence alone does not tell it
    assert words["zh-TW"]["lengthen.few"] not in page.locator("#lengthen").inner_text()
    page.close()


def test_a_longer_story_keeps_its_verdicts_and_the_slider_its_place(visit: Open) -> None:
    page = visit("zh-TW")
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    page.locator("#longer").fill("9")
    before = page.locator("#story").input_value()
    page.locator("[data-keep=take]").click()
    page.wait_for_function("(old) => document.getElementById('story').value !== old", arg=before)
    page.wait_for_function("() => document.querySelectorAll('.card .mark.right').length >= 2")
    page.locator("#lengthen").scroll_into_view_if_needed()
    page.locator("#lengthen table").wait_for()
    assert page.locator("#longer").input_value() == "9"


@both
def test_an_emptied_story_takes_its_analysis_along(language: str, visit: Open) -> None:
    page = visit(language)
    page.locator("#beforehand-note").wait_for(state="hidden")
    story = page.locator("#story")
    text = story.input_value()
    story.fill(" ")
    for css in (".answers-section", ".inside", "#step", "#lengthen"):
        assert page.locator(css).is_hidden()
    assert page.locator(".card").count() == 0
    story.fill(text)
    page.locator("#asking button[type=submit]").click()
    page.locator(".card .answer").nth(3).wait_for()
    page.wait_for_function("() => document.querySelector('#strip canvas').height > 0")


@both
def test_a_changed_mind_is_an_example(language: str, visit: Open, words: Words) -> None:
    page = visit(language)
    page.locator("#mind").click()
    newer = words[language]["mind.story"].split({"en": ". ", "zh-TW": "。"}[language])[1]
    until(
        page,
        "async () => (await import('./state.js')).state.readings.every(({ model }) => model.includes('/open-'))",
    )
    for name in page.locator(".card .what").all_text_contents():
        assert newer.startswith(name)
    # The gate that keeps stands lowest at the end of the sentence that changed.
    assert page.evaluate("""async () => {
        const { reading } = await import('./state.js');
        const { tokens, strips } = reading();
        const end = tokens.findIndex((token) => ['.', '。'].includes(token));
        const gate = strips[0].gates.f.slice(0, end + 1);
        return gate.at(-1) === Math.min(...gate) && gate.at(-1) < 0.8 * Math.max(...gate);
    }""")  # fmt: skip
