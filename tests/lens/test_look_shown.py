"""What a look shows: one file, text as text, both languages, pictures with words, and nothing that is not in it."""

import base64
import hashlib
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace

import pytest
import torch

from keepgate import SettingsError
from keepgate.lens import examine, explain, read
from keepgate.lens.memory import write_retention
from keepgate.lens.report import explanation_text, style
from keepgate.lens.report.labels import table
from keepgate.lens.report.retention_plot import rows_apart
from keepgate.tasks.answer import Answer
from keepgate.wording import LANGUAGES
from tests.html_pages import Page
from tests.lens.looks import ASKED, KINDS, TEXT, every_kind, looked
from tests.lens.readers import QUESTIONS, reader

FIGURES = ("gates", "token_effects", "retention", "half_life", "saliency")
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    "</svg>\"'&lt;",
    "\u202e魯夫\u2066",
    "\ud800夫",
    "\x00\x1b[31m\x07",
    "{{ 7 * 7 }}",
    "\ufffe",
]


@pytest.fixture(scope="module")
def lstm():
    return looked(**KINDS[0])


@pytest.fixture(scope="module")
def page(lstm):
    return Page(lstm.html())


def test_the_page_is_one_file_under_a_policy_that_lets_nothing_in(lstm, page):
    text = lstm.html()
    assert not re.search(r"url\(|@import|https?:|<script|javascript:", text)
    assert not {tag for tag, _ in page.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "form",
        "base",
    }
    for _, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    (policy,) = (meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    mark = base64.b64encode(hashlib.sha256(page.inside["style"].encode()).digest()).decode()
    assert f"style-src 'sha256-{mark}'" in policy
    assert policy.startswith("default-src 'none'; ")


def test_the_switch_holds_both_languages_and_one_language_needs_none(lstm, page):
    assert [one["lang"] for one in page.all("div") if "speech" in one.get("class", "")] == ["en", "zh-Hant"]
    assert len(page.all("input")) == 2
    chinese = Page(lstm.html(language="zh-TW"))
    assert chinese.all("html") == [{"lang": "zh-Hant"}]
    assert not chinese.all("input")
    assert "答案從哪裡來" in chinese.words("")
    assert "What carries" not in chinese.words("")
    assert "答案從哪裡來" not in Page(lstm.html(language="en")).words("")


@every_kind
def test_every_token_stands_on_the_page_with_its_gates(kind):
    found = looked(**kind)
    page = Page(found.html(language="en"))
    strips = [one for one in page.all("span") if one.get("class", "").startswith("t ")]
    assert len(strips) == len(found.tokens)
    assert f"{ASKED}" in page.words("")
    rows = sum(len(one.gates) for one in found.direction_summaries) + (found.attention is not None) or 1
    for step, one in enumerate(strips):
        levels = re.findall(r"\b([p-w])(\d+)\b", one["class"])
        assert len(levels) == rows
        assert one["title"].startswith(f"#{step + 1} · ")
        for (_, level), values in zip(levels, found.direction_summaries[0].gates.values(), strict=False):
            assert abs(int(level) - 10 * float(values[step])) <= 0.5 + 1e-9


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_user_wrote_is_text_and_nothing_else(hostile, tmp_path):
    task = reader(**KINDS[0])
    found = explain(task, f"魯夫{hostile}說他想成為海賊王。{hostile}", f"誰{hostile}?")
    other = Answer(text=hostile, probability=0.4)
    top = replace(found.token_effects[0], token=hostile, without=other, probability_drop=1.0)
    found = replace(
        found,
        answer=replace(found.answer, text=hostile, candidates=((hostile, 0.5), (hostile, 0.1))),
        token_effects=(top, *found.token_effects[1:]),
        sentence_effects=(replace(found.sentence_effects[0], without=other), *found.sentence_effects[1:]),
    )
    for shown in (found.html(), found._repr_html_()):
        shown.encode()
        page = Page(shown)
        assert "script" not in {tag for tag, _ in page.elements}
        for one in page.all("img"):
            assert set(one) == {"class", "src", "alt"}
            ElementTree.fromstring(inside(one["src"]))
        assert len(page.all("style")) == 1
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x07\x1b\ufffe]", shown)
        assert "onerror" not in " ".join(name for _, given in page.elements for name in given)
        if hostile[0] in "<{":
            assert hostile.replace(" ", "") in page.words("").replace(" ", "")
    for name in FIGURES:
        figure = found.figure(name)
        ElementTree.fromstring(figure.svg)
        figure.save(tmp_path / f"{name}.svg")
    for ending in (".json", ".npz"):
        found.save(tmp_path / f"look{ending}")
    found.save(tmp_path / "look.arrow")


def test_a_very_long_word_is_cut_in_pictures_and_whole_on_the_page():
    word = "x" * 3000
    found = explain(reader(**KINDS[0]), f"魯夫 {word} 。", ASKED)
    assert word in Page(found.html(language="en")).words("")
    for name in FIGURES:
        svg = found.figure(name).svg
        assert word not in svg
        assert width_of(svg) < 1000


@every_kind
@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_every_picture_says_what_it_shows(kind, language):
    found = looked(**kind)
    for shown in (found.html(language=language), replace(found, language=language)._repr_html_()):
        page = Page(shown)
        identities = [one["id"] for _, one in page.elements if "id" in one]
        assert len(set(identities)) == len(identities)
        images, pictures = page.all("img"), page.all("svg")
        assert images or len(pictures) >= 2
        for one in images:
            drawn = Page(inside(one["src"])).words("")
            assert one["alt"]
            assert one["alt"].split(".")[0].split("。")[0] in drawn
        for one in pictures:
            assert one["role"] == "img"
            assert set(one["aria-labelledby"].split()) <= set(identities)
        assert page.all("table")
        assert not re.search(r"\{\w+\}", page.words(""))
    for name in FIGURES if found.gated else ("gates", "token_effects", "saliency"):
        figure = found.figure(name, language=language)
        assert figure.title
        assert figure.description
        assert figure._repr_svg_() == figure.svg
        assert "var(" not in figure.svg


def test_two_looks_in_one_notebook_share_no_names(lstm):
    other = explain(reader(**KINDS[0]), TEXT + "風很大。", ASKED)
    first, second = ({one["class"] for one in Page(each._repr_html_()).all("img")} for each in (lstm, other))
    assert first
    assert not first & second


def test_a_notebook_that_is_not_trusted_shows_the_pictures_and_not_a_heap_of_their_letters(lstm):
    """Jupyter and GitHub then drop styles and every mark of an inline picture, and keep its letters."""
    page = Page(lstm._repr_html_())
    assert page.all("img")
    assert not page.all("svg")
    for one in page.all("img"):
        drawn = ElementTree.fromstring(inside(one["src"])).iter("{http://www.w3.org/2000/svg}text")
        letters = " ".join("".join(each.itertext()) for each in drawn)
        assert len(letters) > 20
        assert letters not in page.words(" ")


def test_an_image_in_a_notebook_is_light_or_dark_and_narrow_where_there_is_little_room(lstm):
    page = Page(lstm._repr_html_())
    style = page.inside["style"]
    for one in page.all("img"):
        wide = inside(one["src"])
        assert "@media (prefers-color-scheme: dark)" in wide
        (narrow,) = re.findall(rf'\.{one["class"]} {{ content: url\("([^"]+)"\)', style)
        assert width_of(inside(narrow)) < 400 < width_of(wide)
    for theme in ('[data-jp-theme-light="false"]', ".vscode-dark", '[theme="dark"]'):
        assert re.search(rf"{re.escape(theme)} \.keepgate-look[^{{]*{{ color-scheme: dark;", style)


def test_a_figure_in_a_notebook_is_an_image_that_is_never_wider_than_its_column(lstm):
    for name in FIGURES:
        figure = lstm.figure(name)
        (one,) = Page(figure._repr_html_()).all("img")
        assert inside(one["src"]) == figure.svg
        assert figure.title in one["alt"]
        assert "max-width: 100%" in one["style"]


def test_numbered_dots_stand_in_rows_where_they_would_hide_each_other():
    assert rows_apart([10.0, 200.0, 12.0, 29.0, 31.0]) == [0, 0, 1, 2, 0]
    assert rows_apart([]) == []


@pytest.mark.parametrize("palette", [style.LIGHT, style.DARK])
def test_where_a_bar_ends_is_seen_whatever_its_colour(palette, lstm):
    """Yellow is hardly darker than the trough of a light page, blue hardly brighter than that of a dark one."""
    for beside in ("trough", "paper"):
        assert contrast(palette["cap"], palette[beside]) >= 3
    assert min(contrast(colour, palette["trough"]) for colour in style.CIVIDIS) < 1.5, "a line is needed"
    drawn = Page(lstm._repr_html_()).inside["style"]
    assert all(f"linear-gradient(var(--cap) 1px, var(--{row}c) 1px)" in drawn for row in style.ROWS)
    gates = lstm.direction_summaries[0].gates
    figure = Page(lstm.figure("gates").svg)
    assert len(figure.all("rect", **{"class": "trough"})) == len(lstm.tokens) * len(gates)
    for name, values in gates.items():
        assert len(figure.all("rect", **{"class": f"fill gate-{name}"})) == len(values)
    written = Counter(figure.words(" ").split())
    assert not Counter(f"{value:.2f}" for values in gates.values() for value in values.tolist()) - written


def contrast(one, other):
    """Of two colours: WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def inside(address):
    """The picture that an image's address holds."""
    head, _, held = address.partition(",")
    assert head == "data:image/svg+xml;base64"
    return base64.b64decode(held).decode()


def width_of(svg):
    return float(re.search(r'viewBox="\S+ \S+ (\S+)', svg)[1])


def test_a_notebooks_style_reaches_nothing_but_itself(lstm):
    style = re.sub(r"@(media|container)[^{]*\{|/\*.*?\*/", "", Page(lstm._repr_html_()).inside["style"])
    style = re.sub(r'url\("[^"]*"\)', "", style)
    for selectors in re.findall(r"([^{}]+)\{", style):
        for selector in selectors.split(","):
            assert ".keepgate-look" in selector, selector


def test_the_table_has_every_number_of_the_strips(lstm):
    words = lstm.html(language="en")
    for values in lstm.direction_summaries[0].gates.values():
        for value in values.tolist():
            assert f"<td>{value:.2f}</td>" in words


# ---- the sentences


def keys(found):
    return [one.key for one in explanation_text.conclusion(found)]


def with_(found, *, top, whole, answer=(0.9, 0.05)):
    """The look with another proof: (share, the answer without) for the first token, and for the first sentence."""
    name = found.answer.text
    step = found.token_effects[0].step
    around = next(one for one in found.sentence_effects if one.start <= step < one.end)
    token = replace(
        found.token_effects[0], probability_drop=top[0], without=Answer(text=top[1] or name, probability=0.6)
    )
    piece = replace(around, probability_drop=whole[0], without=Answer(text=whole[1] or name, probability=0.7))
    return replace(
        found,
        answer=replace(
            found.answer, probability=answer[0], candidates=((name, answer[0]), ("別人", answer[1]))
        ),
        token_effects=(token, *found.token_effects[1:]),
        sentence_effects=(piece, *[one for one in found.sentence_effects if one is not around]),
    )


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"top": (0.9, "別人"), "whole": (0.8, "別人")}, ["answer.token", "answer.whole_sentence"]),
        ({"top": (0.9, "別人"), "whole": (0.0, "")}, ["answer.token", "answer.unchanged"]),
        ({"top": (0.1, ""), "whole": (0.8, "別人")}, ["answer.sentence", "answer.weak"]),
        ({"top": (0.1, ""), "whole": (0.1, "")}, ["answer.weak"]),
        ({"top": (0.7, ""), "whole": (0.1, "")}, ["answer.weak"]),
        ({"top": (0.3, "別人"), "whole": (0.4, "別人")}, ["answer.token", "answer.whole_sentence"]),
        ({"top": (0.001, ""), "whole": (0.0, "")}, ["answer.none"]),
        ({"top": (0.9, "別人"), "whole": (0.8, "別人"), "answer": (0.4, 0.39)}, ["answer.rival"]),
    ],
)
def test_the_sentence_follows_from_the_proof(lstm, changes, wanted):
    found = with_(lstm, **changes)
    assert [key for key in keys(found) if key != "answer.retained"] == wanted
    assert ("answer.retained" in keys(found)) == (
        changes["top"][0] >= 0.01 and found.token_effects[0].step + 1 < len(found.tokens)
    )


def test_what_became_of_a_write_is_told_of_the_directions_that_read_on_after_it():
    task = reader(cell="lstm", pooling="last")
    reading = read(task, QUESTIONS[0])
    found = explain(task, QUESTIONS[0].text, ASKED)
    last = len(found.tokens) - 1

    def matters(step):
        direction_summaries = [
            replace(one, retention=write_retention(reading.trace.layer(-1, reverse=one.reverse), step))
            for one in found.direction_summaries
        ]
        top = next(one for one in found.token_effects if one.step == step)
        return replace(found, direction_summaries=tuple(direction_summaries), token_effects=(top,))

    told = {step: [one.key for one in explanation_text.retention(matters(step))] for step in (0, 5, last)}
    assert told[0] == ["retention.description", "retention.forgetting"]
    assert told[5] == ["retention.description", "retention.description_reverse", "retention.forgetting"]
    assert told[last] == ["retention.description_reverse", "retention.forgetting"]
    most = max(range(last), key=matters(last).direction_summaries[1].retention.forgotten.tolist().__getitem__)
    assert explanation_text.forgetting_tokens(matters(last))[0][0] == most
    one_way = looked(**KINDS[0])
    alone = replace(
        one_way.direction_summaries[0],
        retention=replace(one_way.direction_summaries[0].retention, step=len(one_way.tokens) - 1),
    )
    assert [
        one.key for one in explanation_text.retention(replace(one_way, direction_summaries=(alone,)))
    ] == ["retention.last_token"]


def test_a_plain_rnn_is_proven_and_shows_effects_in_place_of_gates():
    found = looked(**KINDS[2])
    assert len(found.token_effects) == len(found.tokens)
    assert float(found.relative_effects.max()) == 1
    page = found.html(language="en")
    assert "how much the answer changes without it, relative to the most" in page
    assert "closed" not in page


def test_every_string_is_in_both_languages_with_the_same_places_to_fill():
    for key, entry in table().items():
        assert set(entry) == set(LANGUAGES), key
        # {n:s} is the s of an English plural.
        places = [set(re.findall(r"\{(\w+(?::(?!s\})[^}]*)?)\}", words)) for words in entry.values()]
        assert places[0] == places[1], key
        assert not re.search(r"[\u3400-\u9fff]", entry["en"]), key


# ---- a report's figures


class Last(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.layer, self.head = kind(2, 4, batch_first=True), torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


def test_a_report_draws_its_half_lives_gradient_and_horizon():
    torch.manual_seed(0)

    pytest.importorskip("matplotlib", reason="matplotlib draws them")
    data = [(torch.randn(6, 12, 2), torch.randint(0, 2, (6,)))]
    report = examine(Last(torch.nn.LSTM), data)
    for name in ("half_life", "gradient", "horizon"):
        titles = {report.plot(name, language=language).get_title() for language in ("en", "zh-TW")}
        assert len(titles) == 2
        assert "" not in titles
    assert report.plot("gradient").lines[0].get_ydata().tolist() == report.gradient.tolist()
    assert report.plot("horizon").lines[0].get_ydata().tolist() == report.behaviour.gap.tolist()
    with pytest.raises(SettingsError, match="choose one of horizon"):
        report.plot("horizons")
    with pytest.raises(SettingsError, match="without a gate"):
        examine(Last(torch.nn.RNN), data).plot("half_life")


# ---- PNG and PDF, by matplotlib


@pytest.mark.filterwarnings("ignore:Glyph")
@every_kind
def test_every_figure_is_drawn_into_given_axes(kind):
    axes = pytest.importorskip("matplotlib.figure", reason="matplotlib draws them").Figure().subplots(5)
    found = looked(**kind)
    for name, ax in zip(FIGURES, axes, strict=True):
        if name in ("retention", "half_life") and not found.gated:
            with pytest.raises(SettingsError, match="without a gate"):
                found.plot(name, ax)
            continue
        assert found.plot(name, ax) is ax
        assert ax.get_title()
    if found.gated:
        top = found.token_effects[0]
        bars = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in axes[1].patches}
        assert bars[top.step] == pytest.approx(top.probability_drop)
        retained = found.direction_summaries[0].retention.retained.tolist()
        assert axes[2].lines[0].get_ydata().tolist() == retained


def test_a_figure_is_saved_as_png_and_pdf(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib draws them")
    found = looked(**KINDS[0])
    plain = replace(found, tokens=replace(found.tokens, texts=("a",) * len(found.tokens.texts)))
    png = plain.figure("saliency").save(tmp_path / "x.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20]) == pytest.approx(7.2 * 300, abs=2)
    assert plain.figure("saliency").save(tmp_path / "x.pdf").read_bytes()[:5] == b"%PDF-"


def test_a_letter_that_no_font_has_is_told(lstm, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib draws them")
    strange = replace(lstm, tokens=replace(lstm.tokens, texts=("\U0010fff0",) * len(lstm.tokens.texts)))
    with pytest.raises(SettingsError, match=r"(?s)no font of this machine.*Noto Sans CJK.*\.svg"):
        strange.figure("saliency").save(tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_error_says_what_to_install(lstm, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for failing in (lambda: lstm.figure("gates").save(tmp_path / "x.png"), lambda: lstm.plot("gates")):
        with pytest.raises(SettingsError, match=r"pip install 'keepgate\[figures\]'"):
            failing()


@pytest.mark.slow
def test_ten_thousand_characters_are_read_taken_apart_and_drawn_in_two_gibibytes(tmp_path):
    """Their time is printed; the bound on it is one that only a mistake breaks, for others share the machine."""
    import os
    import subprocess

    measure = f"""
import resource, time
from keepgate.lens import explain
from keepgate.demo.stories import pirate_king_story, vocabulary_coverage_set
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings
settings = ChoiceReaderSettings(
    cell="lstm", embedding_size=32, hidden_size=64, pooling="last", bidirectional=False, init="chrono", horizon=1000
)
task, asked = ChoiceReader.build(vocabulary_coverage_set(), settings, seed=0), pirate_king_story(10_000)
begin = time.perf_counter()
found = explain(task, asked.text, asked.question)
page = found.save({str(tmp_path / "look.html")!r})
assert page.read_text(encoding="utf-8").count('<span class="t ') == 2 * len(found.tokens) > 19_000
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, page.stat().st_size)
"""
    done = subprocess.run(
        [sys.executable, "-c", measure], env={**os.environ, "OMP_NUM_THREADS": "2"}, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seconds, gibibytes, size = map(float, done.stdout.split())
    print(f"{seconds:.1f} s, {gibibytes:.2f} GiB, {size / 1e6:.1f} MB")
    assert gibibytes < 2
    assert size < 4e6
    assert seconds < 120
