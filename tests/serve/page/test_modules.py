"""The page's own small parts: words in both languages, numbers, lines of cells, sentences, equations."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from keepgate.serve.app import STATIC

from .conftest import LANGUAGES

Words = dict[str, dict[str, str]]


def test_both_languages_say_the_same_things(words: Words) -> None:
    english, chinese = words["en"], words["zh-TW"]
    assert list(english) == list(chinese)
    for key in english:
        braces = [sorted(re.findall(r"{(\w+)}", table[key])) for table in (english, chinese)]
        assert braces[0] == braces[1], key
        assert english[key].strip()
        assert chinese[key].strip()


SERIES = STATIC / "series"


def asked_in(*paths: Path) -> set[str]:
    """The keys that some files of the page write out."""
    written = "".join(path.read_text("utf-8") for path in paths if path.suffix in (".js", ".html"))
    asked = set(re.findall(r"""\bt\(\s*"([\w.-]+)\"""", written))
    return asked | set(re.findall(r'data-word(?:-label)?="([\w.-]+)"', written))


def test_every_word_that_is_asked_for_is_there(words: Words) -> None:
    asked = asked_in(*(path for path in STATIC.rglob("*") if SERIES not in path.parents))
    assert len(asked) > 80
    assert asked <= set(words["en"])


@pytest.fixture(scope="module")
def series_words() -> dict[str, Words]:
    """The words of the page for series by language: those of all series, and those of each kind of model."""
    return {one: json.loads((SERIES / f"words.{one}.json").read_text("utf-8")) for one in LANGUAGES}


def test_both_languages_say_the_same_of_series(series_words: dict[str, Words]) -> None:
    english, chinese = series_words["en"], series_words["zh-TW"]
    assert list(english) == list(chinese) == ["series", "forecaster", "series-classifier"]
    for part, words in english.items():
        others = chinese[part]
        assert [key for key in words if not key.startswith("noun.")] == [
            key for key in others if not key.startswith("noun.")
        ]
        for table in (words, others):
            nouns = {f"noun.{name}" for text in table.values() for name in re.findall(r"\[(\w+)\]", text)}
            for kind in ("forecaster", "series-classifier"):
                assert nouns <= set((english if table is words else chinese)[kind])
        for key in words.keys() & others.keys():
            if not key.startswith("noun."):
                # A step that is named stands in a brace or in a noun of its own.
                braces = [
                    set(re.findall(r"{(\w+)}", text.replace("[named]", "{token}")))
                    for text in (words[key], others[key])
                ]
                assert braces[0] == braces[1], key


def test_every_word_of_series_is_there_and_asked_for(words: Words, series_words: dict[str, Words]) -> None:
    parts = series_words["en"]
    own = {key for part in parts.values() for key in part}
    files = [path for path in SERIES.iterdir() if path.suffix in (".js", ".html")]
    for kind in ("forecaster", "series-classifier"):
        missing = asked_in(*files) - set(words["en"]) - set(parts["series"]) - set(parts[kind])
        other = ({"forecaster", "series-classifier"} - {kind}).pop()
        assert missing <= set(parts[other]), kind
    written = "".join(path.read_text("utf-8") for path in files)
    made = re.compile(r"form\.(served|own)|legend\.(forecast|came|rests|more)|fault\.\w+|noun\.\w+")
    for key in own - set(words["en"]):
        assert f'"{key}"' in written or made.fullmatch(key), key


def test_every_word_is_asked_for(words: Words) -> None:
    """A key is written out, or made from a part that is."""
    written = "".join(
        path.read_text("utf-8") for path in STATIC.rglob("*") if path.suffix in (".js", ".html")
    )
    made = [
        re.escape(each).replace(r"\$\{\}", r"[\w. -]+")
        for each in {
            re.sub(r"\$\{[^}]*\}", "${}", one) for one in re.findall(r"`([\w.]+\.?\$\{[^`]*)`", written)
        }
    ]
    for key in words["en"]:
        assert f'"{key}"' in written or any(re.fullmatch(each, key) for each in made), key


def test_no_test_waits_for_a_promise_as_if_it_were_true() -> None:
    for path in Path(__file__).parent.glob("*.py"):
        assert not re.search(r"wait_for_function\(\s*f?\"+\s*async", path.read_text("utf-8")), path


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    for path in filter(Path.is_file, STATIC.rglob("*")):
        text = path.read_text("utf-8")
        if path.suffix in (".html", ".svg"):
            assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*src=)", text), path
        assert not re.search(r"https?://(?!www\.w3\.org)", text), path
        if path.suffix == ".js":
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
            ), path
            assert len(text.splitlines()) < 250, path


@pytest.fixture(scope="module")
def page(browser: Any, request: pytest.FixtureRequest) -> Any:
    address = request.getfixturevalue("address")("plain")
    opened = browser.new_page()
    opened.goto(address)
    yield opened
    opened.close()


def call(page: Any, module: str, name: str, *arguments: object) -> Any:
    return page.evaluate(
        "async ([module, name, given]) => (await import(`./${module}.js`))[name](...given)",
        [module, name, list(arguments)],
    )


def test_numbers_never_say_more_than_is_known(page: Any) -> None:
    written = {
        "unit": {0: "0.00", 1: "1.00", 0.934: "0.93", 0.9999: ">0.99", 0.0001: "<0.01", None: "–"},
        "percent": {0: "0%", 1: "100%", 0.934: "93.4%", 0.9999: ">99.9%", 0.0123: "1.2%", 0.00001: "<0.1%"},
        "probability": {0: "<0.1%", 1: ">99.9%", 0.9996: ">99.9%", 0.5: "50.0%"},
        "size": {0: "0", 1.5: "1.50", 123.4: "123", -0.02: "−0.020", 1.5e-35: "1.5×10⁻³⁵", 23456: "2.3×10⁴"},
        "signed": {0.5: "+0.50", -0.5: "−0.50"},
    }
    for name, cases in written.items():
        for value, expected in cases.items():
            assert call(page, "numbers", name, value) == expected, (name, value)


def test_lines_hold_every_token_once_inside_the_width(page: Any) -> None:
    found = page.evaluate(
        """async () => {
            const { layOut, tokenAt, beside } = await import("./layout.js");
            const tokens = [..."魯夫說他想成為海賊王。".repeat(40)];
            const gaps = tokens.map((_, k) => (k === 70 ? "\\n" : ""));
            const out = [];
            for (const width of [120, 400, 801]) {
                const laid = layOut({ tokens, gaps, askedFrom: 400, width, lanes: 4, measure: () => 17 });
                const cells = laid.lines.flatMap((line) => line.cells);
                const back = laid.lines.every((line) => line.cells.every((cell) => tokenAt(laid, cell.x + 1, line.top + 3) === cell.token));
                const first = laid.lines.map((line) => line.cells[0].token);
                out.push({ order: cells.every((cell, k) => cell.token === k), count: cells.length, right: Math.max(...cells.map((cell) => cell.x + cell.width)),
                    back, width, breaks: first.includes(70) && first.includes(400), mark: first.filter((token) => token && tokens[token] === "。").length,
                    down: beside(laid, 0, 1) === first[1], top: beside(laid, 0, -1) === 0, none: tokenAt(laid, 2, 1) });
            }
            const odd = layOut({ tokens: ["x".repeat(500)], gaps: [""], askedFrom: 1, width: 100, lanes: 1, measure: () => 4000 });
            return [out, odd.lines[0].cells[0].width <= 100];
        }"""
    )
    for one in found[0]:
        assert all(one[name] for name in ("order", "back", "breaks", "down", "top")), one
        assert one["count"] == 440
        assert one["right"] <= one["width"]
        assert one["mark"] == 0  # no line begins with a full stop
        assert one["none"] is None
    assert found[1]


def test_sentences_are_found_in_code_points(page: Any) -> None:
    text = "𠮷野家很好。魯夫說:「我要當王。」然後他走了!\nMr. Ben laughs. Who? 3.5 is"
    reading = {"tokens": [], "starts": [], "ends": [], "question_start": 0}
    for start, letter in enumerate(text):
        if not letter.isspace():
            reading["tokens"].append(letter)
            reading["starts"].append(start)
            reading["ends"].append(start + 1)
    reading["question_start"] = len(reading["tokens"])
    where = {letter: k for k, letter in enumerate(reading["tokens"])}
    assert call(page, "text", "firstSentence", text) == "𠮷野家很好。"
    assert call(page, "text", "firstSentence", "魯夫說:「我要當王。」然後他走了!") == "魯夫說:「我要當王。」"
    assert call(page, "text", "firstSentence", "It is 3.5 m. Who?") == "It is 3.5 m."
    assert call(page, "text", "firstSentence", "no end") == "no end"
    gaps = call(page, "text", "gapsOf", text, reading)
    assert gaps[where["M"]] == "\n"
    assert gaps[where["B"]] == " "
    assert gaps[1] == ""


def test_an_equation_is_written_out_for_a_unit_only(page: Any) -> None:
    found = page.evaluate(
        """async () => {
            const { withNumbers, phasesOf } = await import("./equations.js");
            const now = { f: 0.5, i: 0.25, g: -0.4, c: 0.9, h: 0.1 };
            const before = { c: 2 };
            const here = { now: (name) => now[name], before: (name) => before[name] };
            return [
                withNumbers("cₜ = f ⊙ cₜ₋₁ + i ⊙ g", here, true), withNumbers("cₜ = f ⊙ cₜ₋₁ + i ⊙ g", here, false),
                withNumbers("f = σ(W_f xₜ + U_f hₜ₋₁ + b_f)", here, true), withNumbers("hₜ = o ⊙ tanh(cₜ)", here, true),
                withNumbers("q = f", here, true), withNumbers("q = f ⊙ tanh(g)", { ...here, now: (name) => ({ ...now, q: -0.00001 })[name] }, true), phasesOf([{ phase: "output", text: "b" }, { phase: "forget", text: "a" }]).map(({ name }) => name),
            ];
        }"""
    )
    assert found[0] == "cₜ = 0.5000 × 2.0000 + 0.2500 × (−0.4000) ≈ 0.9000"
    assert found[1] == "cₜ = 0.9000"
    assert found[2] == "f = 0.5000"
    assert found[3] == "hₜ = 0.1000"  # o is not known: nothing is made up
    assert found[4] == "–"
    assert (
        found[5] == "q = 0.5000 × tanh(−0.4000) ≈ 0.0000"
    )  # one pair of brackets, and no minus before nothing
    assert found[6] == ["forget", "output"]
