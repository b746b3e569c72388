"""What is shown is what was found: no rounding to certainty, no letters lost, nothing that steers the terminal."""

import io
import json
import sys

import pytest
from rich.console import Console

from keepgate.cli import console
from keepgate.tasks.answer import Answer


@pytest.mark.parametrize(("time", "written"), [(0.25, "250 ms"), (3.14, "3.1 s"), (600, "10 min")])
def test_seconds_are_in_the_unit_of_a_person(time: float, written: str) -> None:
    assert console.seconds(time) == written


def test_a_text_becomes_one_line() -> None:
    assert console.one_line("a\n  b\tc") == "a b c"


def terminal(**settings: object) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, highlight=False, emoji=False, markup=False, width=80, **settings), file  # type: ignore[arg-type]


TEXT = "Before.\nLuffy [/b] wants to be king.\nAfter."
ANSWER = Answer(
    "king", 0.75, 31, 35, "Luffy [/b] wants to be king.", (("king", 0.75), ("Luffy", 0.2), ("wants", 0.0002))
)


def test_an_answer_comes_with_its_probability_and_is_marked_in_its_sentence() -> None:
    screen, file = terminal()
    console.print_answer(screen, TEXT, ANSWER)
    assert file.getvalue() == "  king  75.0%\n  Luffy [/b] wants to be [king].\n  or: Luffy 20.0%\n"


def test_an_answer_that_is_not_the_likeliest_says_why_it_is_chosen() -> None:
    screen, file = terminal()
    chosen = Answer("Luffy says", 0.25, candidates=(("Luffy says", 0.25), ("Luffy", 0.32)))
    console.print_answer(screen, "Luffy says he sails", chosen)
    assert "25.0%" in file.getvalue()
    assert "expected overlap" in file.getvalue()
    screen, file = terminal()
    console.print_answer(screen, TEXT, ANSWER)
    assert "overlap" not in file.getvalue()


def test_colour_marks_the_answer_where_there_is_colour_and_brackets_where_there_is_none() -> None:
    screen, file = terminal(force_terminal=True, color_system="standard", no_color=False)
    console.print_answer(screen, TEXT, ANSWER)
    assert "\x1b[" in file.getvalue()
    assert "[king]" not in file.getvalue()
    screen, file = terminal(force_terminal=True, color_system="standard", no_color=True)
    console.print_answer(screen, TEXT, ANSWER)
    assert "[king]" in file.getvalue()


def test_an_answer_that_points_nowhere_has_no_sentence() -> None:
    screen, file = terminal()
    console.print_answer(screen, "", Answer("yes", 0.6), "Is it?")
    assert file.getvalue() == "Is it?\n  yes  60.0%\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_json_is_the_same_whatever_the_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    console.print_json({"answer": "魯夫", "odd": "\udcff"})
    line = raw.getvalue().decode(encoding)
    assert json.loads(line) == {"answer": "魯夫", "odd": "\udcff"}
    assert ("魯夫" in line) == (encoding == "utf-8") or "\\udcff" in line


def test_a_command_can_be_pasted_from_a_narrow_terminal() -> None:
    screen, file = terminal(force_terminal=True, color_system=None)
    command = "keepgate look " + "a-long-name/" * 20
    console.print_command(screen, command)
    assert file.getvalue() == f"  {command}\n"


def test_a_table_in_a_narrow_place_keeps_every_letter() -> None:
    screen, file = terminal()
    screen.width = 30
    screen.print(
        console.table(("name", "what"), [("one", "a rather long remark that has to be folded")], words=2)
    )
    letters = "".join(file.getvalue().split())
    assert "aratherlongremarkthathastobefolded" in letters
