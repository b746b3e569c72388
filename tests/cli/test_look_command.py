"""The gates stand under the tokens, with figures that agree with them and a sentence that says what one sees."""

import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

ASKED = "是誰想要成為海賊王?"
TOKENS = 26


def test_the_answer_stands_above_the_gates_and_the_keeping_one_is_first(
    lstm: Path, text: Path, keepgate
) -> None:
    ran = keepgate("look", lstm, "--text", text, "--question", ASKED)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].endswith("%")
    assert "LSTM, layer 0 forward, mean of 5 units" in lines
    place = next(k for k, line in enumerate(lines) if line.strip().startswith("魯夫說他"))
    assert [line.split("  ")[0] for line in lines[place + 1 : place + 6]] == [
        "forget f", "input i", "output o", "c moves", "h moves",
    ]  # fmt: skip
    assert all(cell_len(line) == cell_len(lines[place]) for line in lines[place + 1 : place + 4])
    assert "The forget gate f keeps" in ran.out
    assert "Not shown: layer 0 reverse, layer 1 forward, layer 1 reverse" in ran.out


def test_json_has_one_value_for_each_token(lstm: Path, text: Path, keepgate) -> None:
    ran = keepgate(
        "look", lstm, "--text", text, "--question", ASKED, "--direction", "both", "--layer", "-1", "--json"
    )
    found = json.loads(ran.out)
    assert "".join(found["tokens"]) == "".join(text.read_text(encoding="utf-8").split())
    assert [(one["layer"], one["direction"]) for one in found["layers"]] == [(1, "forward"), (1, "reverse")]
    for layer in found["layers"]:
        assert layer["keeps"] == "f"
        assert set(layer["gates"]) == {"f", "i", "o"}
        for values in (*layer["gates"].values(), *layer["moves"].values()):
            assert len(values) == len(found["tokens"])
    first_read = [one["moves"]["h"].index(None) for one in found["layers"]]
    assert first_read == [0, len(found["tokens"]) - 1]


def test_one_unit_is_not_the_mean(lstm: Path, text: Path, keepgate) -> None:
    arguments = ("look", lstm, "--text", text, "--question", ASKED, "--gate", "f", "--json")
    units = [
        json.loads(keepgate(*arguments, "--unit", unit).out)["layers"][0]["gates"]["f"] for unit in range(5)
    ]
    mean = json.loads(keepgate(*arguments).out)["layers"][0]["gates"]["f"]
    assert mean == pytest.approx([sum(values) / 5 for values in zip(*units, strict=True)], abs=1e-6)
    assert units[0] != units[1]
    shown = keepgate(*arguments[:-1], "--unit", 3).out
    assert "unit 3 of 5" in shown
    assert "Half-life of c:" in " ".join(shown.split())
    assert "middling unit" not in shown


def test_only_the_tokens_asked_for_are_drawn(lstm: Path, text: Path, keepgate) -> None:
    ran = keepgate("look", lstm, "--text", text, "--question", ASKED, "--tokens", "2:4", "--gate", "i")
    lines = ran.out.splitlines()
    place = next(k for k, line in enumerate(lines) if line.strip() == "說他")
    assert len(lines[place + 1].split()[-1]) == 4
    assert re.search(r"Of what the first of \d+ tokens wrote", " ".join(ran.out.split()))
    for wrong in (("--tokens", "900:"), ("--gate", "q"), ("--unit", "900")):
        refused = keepgate("look", lstm, "--text", text, "--question", ASKED, *wrong)
        assert (refused.code, refused.out) == (2, ""), "nothing is shown before what is wrong is told"


def test_a_cell_without_a_gate_says_so_and_shows_how_far_it_moves(rnn: Path, text: Path, keepgate) -> None:
    ran = keepgate("look", rnn, "--text", text, "--question", ASKED)
    assert ran.code == 0
    assert "no gate that keeps" in ran.out
    assert "h moves" in ran.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--layer", "2"], "no forward layer 2; it has layer 0 forward"),
        (["--gate", "z"], "no row 'z'; it has f, i, o, h, c"),
        (["--unit", "5"], "units 0 to 4"),
        (["--unit", "-1"], "units 0 to 4"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    options: list[str], says: str, lstm: Path, text: Path, keepgate
) -> None:
    ran = keepgate("look", lstm, "--text", text, "--question", ASKED, *options)
    assert ran.code == 2
    assert says in ran.err


@pytest.mark.parametrize(
    ("language", "says"),
    [((), "What carries the answer"), (("--language", "zh-TW"), "答案從哪裡來")],
)
def test_the_page_and_the_figures_are_written_and_named(
    language: tuple[str, ...], says: str, lstm: Path, text: Path, tmp_path: Path, keepgate
) -> None:
    page, figure = tmp_path / "look.html", tmp_path / "carriers.svg"
    ran = keepgate(
        "look", lstm, "--text", text, "--question", ASKED, "--html", page, "--figure", f"token_effects={figure}",
        *language,
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-2:] == [f"The page: {page}", f"The figure token_effects: {figure}"]
    shown = page.read_text(encoding="utf-8")
    assert says in shown
    assert ("What carries the answer" in shown) == (not language)
    assert figure.read_text(encoding="utf-8").startswith("<svg ")


def test_beside_json_the_files_are_named_on_standard_error(
    lstm: Path, text: Path, tmp_path: Path, keepgate
) -> None:
    page = tmp_path / "look.html"
    ran = keepgate("look", lstm, "--text", text, "--question", ASKED, "--html", page, "--json")
    assert json.loads(ran.out)["tokens"]
    assert f"The page: {page}" in ran.err


@pytest.mark.parametrize(
    ("figure", "says"),
    [
        ("token_effects", "write NAME=FILE"),
        ("=x.svg", "write NAME=FILE"),
        ("token_effects=x.jpg", "must end in .svg, .png or .pdf"),
        ("token_effect=x.svg", "choose one of token_effects"),
    ],
)
def test_a_wrong_figure_is_refused_and_nothing_written(
    figure: str, says: str, lstm: Path, text: Path, tmp_path: Path, keepgate, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    ran = keepgate(
        "look", lstm, "--text", text, "--question", ASKED, "--html", "look.html", "--figure", figure
    )
    assert (ran.code, ran.out) == (2, ""), "nothing is shown before what is wrong is told"
    assert says in ran.err
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("option", ["--html", "--figure"])
def test_a_page_that_cannot_be_written_names_its_path_before_anything_is_drawn(
    option: str, lstm: Path, text: Path, tmp_path: Path, keepgate
) -> None:
    page = tmp_path / "folder.svg"
    page.mkdir()
    given = page if option == "--html" else f"gates={page}"
    ran = keepgate("look", lstm, "--text", text, "--question", ASKED, option, given)
    assert (ran.code, ran.out) == (3, "")
    assert f"cannot write {page}: it is a folder, and a file was expected; name another file" in ran.err


def test_the_folder_of_a_page_is_made(lstm: Path, text: Path, tmp_path: Path, keepgate) -> None:
    page = tmp_path / "pages" / "look.html"
    assert keepgate("look", lstm, "--text", text, "--question", ASKED, "--html", page).code == 0
    assert page.is_file()


def test_a_network_without_memory_is_refused(window: Path, text: Path, keepgate) -> None:
    ran = keepgate("look", window, "--text", text, "--question", ASKED)
    assert (ran.code, ran.out) == (2, "")
    assert "no gates" in ran.err
