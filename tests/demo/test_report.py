"""The report is one file that needs nothing else, says the same in both languages, and shows only what was found."""

import base64
import hashlib
import html
import json
import math
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

import keepgate.demo
import keepgate.wording
from keepgate.demo.report.html import report_html, write
from keepgate.demo.report.labels import render, table
from keepgate.demo.result import GradientLine
from keepgate.wording import LANGUAGES
from tests.demo.made_up import LENGTHS, SENTENCE, comparison, falling, network, runs, strip
from tests.html_pages import Page
from tests.tools import needs, path_of

ROOM = Path(keepgate.demo.__file__).parent


@pytest.fixture(scope="module")
def page():
    return report_html(comparison())


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


# ---- one file, no network


def test_the_file_refers_to_nothing_outside_itself(page, parsed):
    for tag, attributes in parsed.elements:
        for name in (
            "src",
            "href",
            "srcset",
            "action",
            "data",
            "poster",
            "xlink:href",
            "background",
            "formaction",
        ):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
    assert not re.search(r"url\(|@import|https?:|//[a-z]|fetch\(|XMLHttp|WebSocket|sendBeacon|import\(", page)
    assert not {tag for tag, _ in parsed.elements} & {
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    }


def test_the_policy_lets_this_style_and_script_run_and_nothing_be_fetched(parsed):
    (policy,) = (meta["content"] for meta in parsed.all("meta") if "http-equiv" in meta)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for kind in ("style", "script"):
        mark = base64.b64encode(hashlib.sha256(parsed.inside[kind].encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{mark}'"
    assert set(rules) == {"default-src", "style-src", "script-src", "base-uri", "form-action"}


def test_nothing_is_styled_or_scripted_in_attributes_which_the_policy_would_block(parsed):
    for _, attributes in parsed.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_the_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    assert write(comparison(), path) == path
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write(comparison(stories=99), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_report_is_small_enough_to_be_sent_by_mail(page):
    assert len(page.encode()) < 1_500_000


# ---- both languages


def test_every_string_exists_in_both_languages_with_the_same_places_to_fill():
    for key, entry in table().items():
        assert set(entry) == set(LANGUAGES), key
        assert all(words.strip() for name, words in entry.items() if key not in ("page.and", "page.comma")), (
            key
        )
        places = [set(re.findall(r"\{(\w+(?::[^}]*)?)\}", words)) for words in entry.values()]
        assert places[0] == places[1], key
        assert not re.search(r"[\u3400-\u9fff]", entry["en"]), key


def test_every_string_is_used_and_every_string_used_exists():
    # `keepgate formal` has words of its own.
    sources = [path for path in ROOM.rglob("*.py") if "formal" not in path.parts]
    sources += [ROOM / "report/templates/report.html.j2", Path(keepgate.wording.__file__)]
    code = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    asked = set(re.findall(r"""(?:msg|t|plain)\(\s*["']([a-z]+\.\w+)["']""", code))
    assert asked - set(table()) == set()
    built = set(re.findall(r"""["']([a-z]+\.\w*)\{""", code))
    for key in table():
        named = key in code or any(key.startswith(start) for start in built)
        assert named or key.split(".")[0] in ("networks", "short", "poolings") or "gates." in key, key


def test_the_page_says_everything_twice_once_in_each_language(parsed):
    spans = {
        language: [a for a in parsed.all("span") if a.get("class") == language] for language in LANGUAGES
    }
    assert len(spans["en"]) == len(spans["zh"]) > 50
    for language, lang in LANGUAGES.items():
        assert all(attributes["lang"] == lang for attributes in spans[language])
        assert len(parsed.all("div", **{"class": f"{language} picture"})) == 8


def test_the_language_can_be_chosen_without_a_script(parsed):
    assert [button["value"] for button in parsed.all("input", type="radio")] == ["en", "zh-Hant"]
    labels = {label["for"] for label in parsed.all("label")}
    assert labels == {button["id"] for button in parsed.all("input", type="radio")}
    assert ":root:has(#to-zh:checked)" in parsed.inside["style"]


def test_the_article_is_marked_as_chinese_in_both_languages(parsed):
    quotes = parsed.all("q")
    assert quotes
    assert all(quote["lang"] == "zh-Hant" for quote in quotes)
    assert 'lang="en">The king said so.' in report_html(comparison(sentence="The king said so."))


# ---- what a screen reader meets


def test_every_picture_has_a_title_and_a_description_of_its_own(parsed):
    identities = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    pictures = [svg for svg in parsed.all("svg") if svg.get("role") == "img"]
    assert len(pictures) == 8 * 4
    for svg in pictures:
        assert set(svg["aria-labelledby"].split()) <= set(identities)
    assert all("aria-hidden" in svg or svg.get("role") == "img" for svg in parsed.all("svg"))


def test_right_and_wrong_are_said_in_words(parsed):
    words = parsed.words()
    assert words.count("Right") >= 2
    assert words.count("Wrong") >= 3


def test_every_picture_of_numbers_has_them_as_a_table(parsed):
    assert len(parsed.all("table", **{"class": "numbers"})) == 7


# ---- every number comes from the result


# What the page says without any result: the year of a paper, gates between 0 and 1 and their formulas, the lag and the
# bars that the sentences are made by, and the numbers of the empty result itself (named in the test).
FIXED = {"0", "1", "2018", "100", "90", "10", "3", "10⁻⁶", "5"}


def numbers_of(text):
    return set(re.findall(r"\d[\d,.]*\d|\d", re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", "", text)))


def test_without_results_no_number_of_a_result_is_shown():
    empty = comparison(
        networks=(),
        poolings=(),
        lengths=(),
        settings={},
        stories=71,
        distance=72,
        seeds=(73,),
        chance=0.74,
        facts=3,
    )
    machine = replace(empty.machine, processor="p", system="s", python="75", torch="75")
    shown = Page(
        report_html(replace(empty, machine=machine, version="75", command="c", finished="f"))
    ).words()
    assert numbers_of(shown) - FIXED == {"71", "72", "73", "74", "75"}


def changed_runs(**changes):
    result = comparison()
    networks = tuple(
        replace(n, runs=tuple(replace(run, **changes) for run in n.runs)) for n in result.networks
    )
    return replace(result, networks=networks)


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (comparison(chance=1 / 23), "4.3%"),
        (comparison(stories=1234), "1,234 fresh stories"),
        (comparison(distance=4321), "4,321 characters"),
        (comparison(seeds=(17, 19)), "17 19"),
        (comparison(question="誰？"), "誰？"),
        (comparison(sentence="甲說他想成為乙。"), "甲說他想成為乙。"),
        (comparison(command="keepgate compare --odd"), "keepgate compare --odd"),
        (comparison(finished="2031-01-02"), "2031-01-02"),
        (comparison(settings={"odd": 0.12345}), "0.12345"),
        (changed_runs(seconds=777.0), "777.0"),
        (changed_runs(steps=345), "345"),
        (changed_runs(answer="某某"), "某某"),
        (changed_runs(probability=0.456), "45.6%"),
        (changed_runs(accuracy=dict.fromkeys(LENGTHS, 0.321)), "32.1%"),
        (replace(comparison(), networks=(network("rnn", "rnn", 98765, runs=runs((0.1,) * 4)),)), "98,765"),
        (comparison(networks=(network("gru", "gru", 1, before=falling(0.5, wobble=0)),)), "7.9×10⁻³¹"),
        (comparison(networks=(network("gru", "gru", 1, strip=strip({"z": (0.67,)}, {})),)), "0.67"),
    ],
)
def test_a_changed_result_changes_the_page(result, shown, parsed):
    assert shown not in parsed.words()
    assert shown in Page(report_html(result)).words()


def test_the_table_holds_the_means_and_the_ranges(parsed):
    words = parsed.words()
    assert "31.5% 22.0–41.0%" in words
    assert "99.8% 99.6–100%" in words


def test_the_values_beside_the_pointer_are_there_for_every_curve(parsed):
    boxes = [box for box in parsed.all("div") if "data-hover" in box]
    assert len(boxes) == 2 * 4
    told = json.loads(boxes[0]["data-hover"])
    assert [curve["name"] for curve in told["curves"]][:2] == ["Feed-forward window", "RNN"]
    assert told["at"] == ["22 characters", "100 characters", "300 characters", "1,000 characters"]
    assert told["curves"][1]["values"][0] == "31.5%"


# ---- odd results


def one(name="rnn", **more):
    return comparison(networks=(network(name, "rnn", 10, **more),), seeds=(0,))


def constant(value, furthest=120):
    return GradientLine(lags=tuple(range(furthest)), values=(1.0, *(value,) * (furthest - 1)))


ODD = {
    "nothing at all": comparison(networks=(), poolings=(), lengths=(), seeds=(), settings={}),
    "no poolings": comparison(poolings=()),
    "no exploding RNN": comparison(networks=comparison().networks[:-1]),
    "only the exploding RNN": comparison(networks=comparison().networks[-1:]),
    "one seed": one(runs=runs((0.1, 0.2, 0.3, 0.4))),
    "NaN accuracy": one(runs=runs((math.nan,) * 4, (math.nan,) * 4)),
    "some NaN accuracy": one(runs=runs((0.5, math.nan, 0.2, 0.1), (0.5, 0.4, math.nan, 0.1))),
    "NaN probability": one(runs=runs((0.1,) * 4, probability=math.nan)),
    "NaN seconds": one(runs=runs((0.1,) * 4, seconds=math.nan)),
    "no steps": one(runs=tuple(replace(run, steps=0) for run in runs((0.1,) * 4))),
    "all wrong": one(runs=runs((0.0,) * 4, probability=0.0)),
    "all right": one(runs=runs((1.0,) * 4, probability=1.0)),
    "a length not measured": comparison(lengths=(*LENGTHS, 9999)),
    "one length": comparison(lengths=(100,)),
    "zero gradient": one(before=constant(0.0), after=constant(0.0)),
    "tiny gradient": one(before=constant(5e-324), after=constant(1e-200)),
    "overflow": one(before=constant(math.inf), after=constant(1e300)),
    "NaN gradient": one(before=constant(math.nan), after=constant(math.nan)),
    "one lag": one(before=constant(1.0, 1)),
    "no lags": one(before=GradientLine(lags=(), values=())),
    "a long gradient": one(before=falling(0.99, furthest=3000)),
    "a strip of nothing": one(
        strip=strip({"f": (math.nan,), "odd": (0.5,)}, {"c": (math.nan,), "h": (0.1,)})
    ),
    "a strip without gates": one(strip=strip({}, {"h": (0.1,)})),
    "states that stand still": one(strip=strip({"f": (0.5,)}, {"c": (0.0,), "h": (0.0,)})),
    "one fact": comparison(facts=1),
    "certain chance": comparison(chance=1.0),
    "no chance": comparison(chance=0.0),
}


@pytest.mark.parametrize("result", ODD.values(), ids=ODD.keys())
def test_odd_results_give_a_whole_page_without_odd_words(result):
    page = Page(report_html(result))
    assert not re.search(r"\b(nan|inf|None|Undefined)\b", page.words())
    for _, attributes in page.elements:
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "d", "points", "width", "height"):
            assert not re.search(r"nan|inf|e[+-]?\d", attributes.get(name) or ""), attributes


def test_names_and_texts_from_outside_cannot_become_markup():
    evil = "<script>alert(1)</script>\"'&{{ 7*7 }}{evil}"
    result = comparison(
        networks=(
            network(
                evil,
                "lstm",
                10,
                runs=runs((0.1,) * 4, (0.2,) * 4, answer=evil),
                before=falling(0.9),
                strip=replace(
                    strip({evil: (0.5, 0.7), "f": (0.2,)}, {evil: (0.1,)}), tokens=(evil,) * len(SENTENCE)
                ),
            ),
        ),
        sentence=evil,
        question=evil,
        expected=evil,
        command=evil,
        finished=evil,
        settings={evil: evil},
    )
    page = report_html(result)
    parsed = Page(page)
    assert len(parsed.all("script")) == 1
    assert "<script>alert" not in page
    assert "7*7" in page
    assert page.count(str(escape(evil))) > 10
    assert render(evil, "en") == evil


# ---- in a browser


PROBE = """
<script>
addEventListener("load", () => {
  const seen = [], frame = document.querySelector("iframe"), inner = frame.contentWindow, page = frame.contentDocument;
  for (const width of [1280, 400]) {
    frame.style.width = width + "px";
    for (const id of ["to-zh", "to-en"]) {
      page.querySelector(`label[for=${id}]`).click();
      const shown = (element) => element.getClientRects().length > 0;
      const svgs = [...page.querySelectorAll("svg[role=img]")].filter(shown);
      const letters = [...page.querySelectorAll("svg[role=img] text")].filter(shown);
      const size = (text) => parseFloat(inner.getComputedStyle(text).fontSize) * text.getScreenCTM().a;
      seen.push({
        width, id, lang: page.documentElement.lang, title: page.title, wide: page.documentElement.scrollWidth,
        en: [...page.querySelectorAll(".en")].filter(shown).length,
        zh: [...page.querySelectorAll(".zh")].filter(shown).length,
        pictures: svgs.length, smallest: Math.min(...letters.map(size)),
        fill: inner.getComputedStyle(page.querySelector("svg .fill")).fill,
        tallest: Math.max(...[...page.querySelectorAll("dl dd")].filter(shown).map((one) => one.clientHeight)),
      });
    }
  }
  const svg = [...page.querySelectorAll("svg[data-plot]")].find((one) => one.getClientRects().length);
  svg.dispatchEvent(new inner.KeyboardEvent("keydown", { key: "ArrowRight" }));
  seen.push(page.getElementById("tip").textContent);
  const told = document.createElement("pre");
  told.id = "told";
  told.textContent = JSON.stringify(seen);
  document.body.append(told);
});
</script>
"""


@pytest.mark.slow
@needs("chromium")
def test_a_browser_shows_one_language_at_a_time_at_1280_and_400_pixels(tmp_path, page):
    # The page stands in a frame whose width can be set (a window cannot be as narrow as 400), and which shares the
    # outer file's origin, so that the probe beside it may look inside; the page's own policy stays as it is.
    frame = f'<iframe style="height:900px" srcdoc="{html.escape(page)}"></iframe>'
    outer = f'<!DOCTYPE html><meta charset="utf-8">{frame}{PROBE}'
    (tmp_path / "outer.html").write_text(outer, encoding="utf-8")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    )
    flags += "--disable-component-update --disable-sync --virtual-time-budget=8000 --window-size=1400,1000"
    command = [path_of("chromium"), *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, (tmp_path / "outer.html").as_uri()], capture_output=True, text=True, timeout=120
    )
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told, done.stderr[-2000:]
    *seen, tip = json.loads(html.unescape(told[1]))
    assert [(one["width"], one["lang"]) for one in seen] == [
        (w, lang) for w in (1280, 400) for lang in ("zh-Hant", "en")
    ]
    for one in seen:
        shown, hidden = ("zh", "en") if one["lang"] == "zh-Hant" else ("en", "zh")
        assert one[hidden] == 0
        assert one[shown] > 50
        assert one["wide"] <= one["width"]
        assert one["pictures"] == 8
        assert one["smallest"] >= 10
        assert one["tallest"] < 130, "a setting is not broken letter by letter"
        assert one["fill"] not in ("rgb(0, 0, 0)", "none")
        assert one["title"].startswith("誰還記得" if one["lang"] == "zh-Hant" else "Who remembers")
    assert tip.startswith("100 characters")
