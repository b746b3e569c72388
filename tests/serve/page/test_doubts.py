"""What is said against an answer: the story lacks it, the network never learnt to read it, found nothing, or is unsure."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from keepgate.data.questions import Question
from keepgate.data.text import tokenize
from keepgate.serve import STATIC
from keepgate.serve.lengthen import expected_of
from keepgate.site.bundle import bundle
from keepgate.site.folder import language_data

from .conftest import LANGUAGES
from .test_links import Words, opened
from .test_sizes import WIDE

# A story, a question, the kind of doubt about the LSTM's answer, and a word that the card names.
CASES = [
    ("en", "Zebras sing quietly.", "Who wrote the book?", "absent", "“wrote”, “book”"),
    ("en", "Tom bought a hat. Anna bought a car.", "Why did Tom buy a hat?", "words", None),
    ("en", "\u0422\u043e\u043c \u043a\u0443\u043f\u0438\u043b \u0434\u043e\u043c.", "\u041a\u0442\u043e \u043a\u0443\u043f\u0438\u043b \u0434\u043e\u043c?", "words", "\u043a\u0443\u043f\u0438\u043b"),
    ("en", "Tom saw Anna in the park.", "Who saw Tom in the park?", "unsure", None),
    ("zh-TW", "小明想當醫生。", "誰想當廚師？", "absent", "廚師"),
    ("zh-TW", "小明買了一本書。", "小明為什麼買書？", "words", None),
]  # fmt: skip

BEFORE_THE_ANSWER = """(card) => {
    const [mark, answer] = [".note > .mark", ".what"].map((css) => card.querySelector(css));
    return mark.compareDocumentPosition(answer) === Node.DOCUMENT_POSITION_FOLLOWING;
}"""
# How a card and its answer look, by what is said of it.
LOOK = """(kinds) => {
    const card = document.querySelector(".card:not(.chosen)");
    return kinds.map((kind) => {
        card.className = `card ${kind}`;
        const [box, answer] = [card, card.querySelector(".what")].map((each) => getComputedStyle(each));
        return [box.borderStyle, box.backgroundColor, answer.fontStyle, answer.color].join(" ");
    });
}"""


def test_what_a_network_cannot_know_looks_unlike_an_answer_and_each_kind_unlike_the_others(
    visit: Callable[..., Any],
) -> None:
    plain, *doubts = visit("en").evaluate(
        LOOK, ["", "doubt absent", "doubt words", "doubt nothing", "doubt unsure"]
    )
    assert len({plain, *doubts}) == 5
    border, ground = plain.split(" ")[0], plain.split(") ")[0]
    assert all(ground not in each for each in doubts)
    assert all(not each.startswith(border) for each in doubts[:3])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentences_that_are_said_to_be_readable_are_read(
    language: str, visit: Callable[..., Any], words: Words
) -> None:
    said = [
        words[language][f"answers.doubt.{name}"] for name in ("letters", "hearsay", "lacking", "question")
    ]
    examples = [re.split(r": |：", text)[-1] for text in said]
    page = visit(language)
    for example in dict.fromkeys(examples[:3]):
        story, question = re.findall(r"[^.?。？]+[.?。？]", example)
        page.locator("#story").fill(story)
        page.locator("#question").fill(question.strip())
        page.locator("#asking button[type=submit]").click()
        page.locator("#read-page:not(.stale)").wait_for()
        answers = page.locator(".card:not(.doubt) .what").all_text_contents()
        assert {"Tom", "小明"} >= {*answers}
        assert len(answers) >= 2
    assert examples[3] in examples[0]


@pytest.mark.parametrize(("language", "story", "question", "kind", "word"), CASES)
def test_each_kind_of_doubt_looks_and_reads_different(
    browser: Any, address: Callable[[str], str], words: Words, language: str, story: str, question: str,
    kind: str, word: str | None,
) -> None:  # fmt: skip
    page = opened(browser, address, story=story, question=question, lang=language)
    card = page.locator(".card.doubt").first
    card.wait_for()
    assert kind in card.get_attribute("class").split()
    assert words[language][f"answers.{kind}"] in card.locator(".mark").inner_text()
    if word:
        assert word in card.inner_text()
    assert card.evaluate(BEFORE_THE_ANSWER)
    assert words[language][f"answers.{kind}"] in page.locator("#live").text_content().split(" · ")[0]
    assert words[language][f"answers.{kind}"] in card.locator(".answer").get_attribute("aria-label")[:40]
    page.set_viewport_size({"width": 400, "height": 900})
    content, window, out = page.evaluate(WIDE)
    assert content <= window
    assert not out
    page.close()


def test_what_speaks_against_a_choice(visit: Callable[..., Any]) -> None:
    asked = [
        ("Luffy", [3], "Luffy"),
        ("Luffy", [], "Nami"),
        ("Luffy", [], "Luffy"),
        ("Luffy", [0], "Luffy"),
        ("Luffy", [0, 1], "Luffy"),
    ]
    kinds = visit("en").evaluate(
        """async (asked) => {
            const { doubtOf } = await import("./verdict.js");
            const networks = { one: { shipped: true, kind: "choice-reader" } };
            const read = (unknown) => ({ model: "one", unknown, tokens: ["a", "b", "c", "d", "e"], question_start: 3 });
            const doubt = ([answer, unknown, text]) => doubtOf({ text: answer }, read(unknown), { readings: [], text, networks });
            return asked.map((each) => doubt(each)?.kind ?? null);
        }""",
        asked,
    )
    assert kinds == ["words", "absent", None, None, "words"]


def test_no_answer_is_nothing_found_where_the_story_has_the_question_s_words(
    visit: Callable[..., Any],
) -> None:
    kinds = visit("en").evaluate(
        """async (questions) => {
            const { doubtOf } = await import("./verdict.js");
            const networks = { one: { shipped: true, kind: "pointer-reader" } };
            return questions.map((question) => {
                const read = { model: "one", tokens: ["Tom", "sings", ".", ...question], question_start: 3 };
                return doubtOf({ text: "", probability: 0.9 }, read, { readings: [read], networks }).kind;
            });
        }""",
        [["Who", "sang", "?"], ["Who", "sold", "it", "?"], ["Why", "sing", "?"]],
    )
    assert kinds == ["nothing", "absent", "words"]


def test_a_network_is_unsure_where_it_or_the_other_gives_its_answer_little(visit: Callable[..., Any]) -> None:
    asked = [
        (0.99, [["Tom", 0.99]]),
        (0.99, [["Anna", 0.9], ["Tom", 0.05]]),
        (0.5, [["Tom", 0.6]]),
        (0.99, []),
    ]
    reasons = visit("en").evaluate(
        """async (asked) => {
            const { doubtOf } = await import("./verdict.js");
            const pointer = { shipped: true, kind: "pointer-reader" };
            const networks = { one: pointer, other: pointer };
            const tokens = ["Tom", "sings", ".", "Who", "sings", "?"];
            return asked.map(([probability, others]) => {
                const candidates = others.map(([text, probability]) => ({ text, probability }));
                const read = { model: "one", tokens, question_start: 3 };
                const other = { model: "other", answer: { ...candidates[0], candidates } };
                const readings = others.length ? [read, other] : [read];
                return doubtOf({ text: "Tom", probability }, read, { readings, networks })?.reason ?? null;
            });
        }""",
        asked,
    )
    assert reasons == [None, "others", "probability", None]


@pytest.mark.parametrize(
    ("story", "question", "missing"),
    [
        ("Tom bought a hat.", "What did Tom buy?", []),
        ("Tom buys hats.", "Who bought a hat?", []),
        ("Tom buys hats.", "Who sold the red hats?", ["sold", "red"]),
        ("Tom buys hats.", "Who met Mary Smith?", ["met Mary Smith"]),
        ("小明想當醫生。", "誰想當廚師？", ["廚師"]),
        ("小明想當醫生。", "小明想當什麼？", []),
        ("小明想當醫生。", "小華喜歡什麼貓？", ["小華喜歡", "貓"]),
        ("小明想當海王。", "誰想當海賊王？", ["海賊"]),
    ],
)
def test_the_words_that_a_story_lacks(
    visit: Callable[..., Any], story: str, question: str, missing: list[str]
) -> None:
    text, asked = tokenize(story).texts, tokenize(question).texts
    found = visit("en").evaluate(
        "async (read) => (await import('./evidence.js')).missingWords(read)",
        {"tokens": [*text, *asked], "question_start": len(text)},
    )
    assert found == missing


@pytest.mark.parametrize(
    ("story", "question", "answer", "hearsay"),
    [
        ("Tom says Anna likes dogs.", "Who likes dogs?", "Tom", True),
        ("Tom thinks that Anna wants a dog.", "Who wants a dog?", "Anna", True),
        ("Tom told us that Anna wants a dog.", "Who wants a dog?", "Tom", True),
        ("Tom says he likes dogs.", "Who likes dogs?", "Tom", False),
        ("Tom told Anna that he likes dogs.", "Who likes dogs?", "Tom", False),
        ("Tom hopes to become a doctor.", "Who hopes to become a doctor?", "Tom", False),
        ("Tom hopes to become a doctor.", "Who wants to become a doctor?", "Tom", False),
        ("Tom says Anna is late. Eva likes dogs.", "Who likes dogs?", "Eva", False),
        ("小明說小華喜歡狗。", "誰喜歡狗？", "小明", True),
        ("媽媽希望小美當老師。", "誰想當老師？", "小美", True),
        ("小明說他喜歡狗。", "誰喜歡狗？", "小明", False),
        ("小明說想當老師。", "誰想當老師？", "小明", False),
        ("小明說小華喜歡狗。", "誰說小華喜歡狗？", "小明", False),
        ("小明買了小說給小華。", "誰給小華小說？", "小明", False),
    ],
)
def test_what_is_told_of_another_is_outside(
    visit: Callable[..., Any], story: str, question: str, answer: str, hearsay: bool
) -> None:
    text, asked = tokenize(story).texts, tokenize(question).texts
    reason = visit("en").evaluate(
        """async ([read, answer]) => {
            const { doubtOf } = await import('./verdict.js');
            const networks = { one: { shipped: true, kind: "pointer-reader" } };
            const sure = { text: answer, probability: 0.999 };
            return doubtOf(sure, { model: "one", ...read }, { readings: [], networks })?.reason ?? null;
        }""",
        [{"tokens": [*text, *asked], "starts": [], "ends": [], "question_start": len(text)}, answer],
    )
    assert (reason == "hearsay") == hearsay


@pytest.mark.parametrize(
    ("story", "question", "answer", "share"),
    [
        ("Tom bought a hat.", "Who bought a hat?", "Tom", 1),
        ("Tom bought a hat.", "Who bought a red hat?", "Tom", 2 / 3),
        ("Tom bought a hat and Anna sold it.", "Who sold the hat?", "Anna", 1 / 2),
        ("Tom sings. Anna bought a hat.", "Who bought a hat?", "Tom", 0),
        ("Tom sings.", "Who?", "Tom", 1),
        ("Paul likes Lena.", "Who does Paul like?", "Lena", 1),
        ("Paul likes Lena.", "Who likes Paul?", "Lena", 0),
        ("Eve gave Adam an apple.", "What did Eve give Adam?", "an apple", 1),
        ("Eve gave Adam an apple.", "What did Adam give Eve?", "an apple", 1 / 3),
        ("Ms Young is our coach.", "Who is our coach?", "Ms Young", 1),
        ("小明吃飯，小華看書。", "誰看書？", "小明", 0),
        ("小明吃飯，小華看書。", "誰看書？", "小華", 1),
        ("小明怕小華。", "小華怕誰？", "小明", 0),
        ("小明不喜歡蘋果。", "誰喜歡蘋果？", "小明", 0),
        ("Rita never eats meat.", "Who never eats meat?", "Rita", 1),
        ("周杰倫寫了七里香。", "七里香是誰寫的？", "周杰倫", 2 / 3),
        ("小安在山上 小華在海邊", "誰在海邊？", "小安", 0),
        ("小安在山上 小華在海邊", "誰在海邊？", "小華", 1),
        ("Tom 買了書", "Tom 買了什麼？", "書", 1),
    ],
)
def test_how_far_a_story_says_what_the_question_says(
    visit: Callable[..., Any], story: str, question: str, answer: str, share: float
) -> None:
    text, asked = tokenize(story), tokenize(question)
    read = {name: [*getattr(text, name), *getattr(asked, name)] for name in ("texts", "starts", "ends")}
    found = visit("en").evaluate(
        "async ([read, answer]) => (await import('./evidence.js')).wordsInPlace(read, answer)",
        [{**read, "tokens": read["texts"], "question_start": len(text.texts)}, answer],
    )
    assert found == pytest.approx(share)


@pytest.mark.parametrize(("story", "told"), [
    ("魯夫說他想成為海賊王。下雨了。", "魯夫"),
    ("魯夫說他想成為海賊王。魯夫不想成為海賊王了。", None),
    ("魯夫不想當海賊王了。志豪說他想成為海賊王。", "志豪"),
    ("Luffy says he wants to become the pirate king. Luffy does not want to become the pirate king.", None),
])  # fmt: skip
def test_no_answer_is_called_right_that_a_later_sentence_may_take_back(
    visit: Callable[..., Any], story: str, told: str | None
) -> None:
    question = "是誰想要成為海賊王?" if "魯夫" in story else "Who wants to become the pirate king?"
    printed = {"engine/constants.js": "export const DISTRACTOR_SEED = 0;\n"}
    code = bundle(
        ("engine/stories.js",),
        lambda name: printed.get(name) or (STATIC / name).read_text("utf-8"),
        function="stories",
    )
    found = visit("en").evaluate(
        f"""([templates, story, question]) => {{
            {code}
            const {{ expectedOf, useTemplates }} = stories("engine/stories.js");
            useTemplates(templates);
            return expectedOf(story, question);
        }}""",
        [language_data()["templates"], story, question],
    )
    assert found == expected_of(Question(text=story, question=question, answers=())) == told
