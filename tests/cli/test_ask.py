"""Questions come from the line, a file, a pipe or a prompt; each gets its answer, for a person or as JSON."""

import json
from pathlib import Path

import pytest

from keepgate.cli import inputs

ASKED = "是誰想要成為海賊王?"
OTHER = "是誰想要成為航海士?"


def test_an_answer_has_its_probability_and_its_sentence(lstm: Path, text: Path, keepgate) -> None:
    ran = keepgate("ask", lstm, "--text", text, "--question", ASKED)
    assert (ran.code, ran.err) == (0, "")
    answer, sentence, other = ran.out.splitlines()
    name = answer.split()[0]
    assert name in ("魯夫", "娜美")
    assert answer.endswith("%")
    assert f"[{name}]" in sentence
    assert other.startswith("  or: ")


def test_words_outside_the_vocabulary_are_told_beside_the_answer(
    lstm: Path, tmp_path: Path, keepgate
) -> None:
    story = tmp_path / "story.txt"
    story.write_text("Luffy says he wants to become the pirate king. It rains.", encoding="utf-8")
    ran = keepgate("ask", lstm, "--text", story, "--question", "Who?", "--question", ASKED, "--json")
    assert ran.code == 0
    assert len(list(map(json.loads, ran.out.splitlines()))) == 2
    text, question = ran.err.splitlines()
    assert text == (
        "13 of the text's 13 words or signs are not in this model's vocabulary (too rare in what it was trained on, or "
        "never in it) and all look alike to it: luffy, says, he, wants, to, become, the, pirate, …"
    )
    assert question.startswith("1 of the question's 2 words or signs are not in")
    assert question.endswith(": who")


def test_json_is_one_object_a_line_with_places_in_the_text(lstm: Path, text: Path, keepgate) -> None:
    ran = keepgate("ask", lstm, "--text", text, "--question", ASKED, "--question", OTHER, "--json")
    first, second = map(json.loads, ran.out.splitlines())
    assert (first["question"], second["question"]) == (ASKED, OTHER)
    story = text.read_text(encoding="utf-8")
    assert story[first["start"] : first["end"]] == first["answer"]
    assert first["sentence"] in story
    assert 0 < first["probability"] <= 1
    assert first["candidates"][0] == {"text": first["answer"], "probability": first["probability"]}


def test_several_questions_are_shown_above_their_answers(
    lstm: Path, text: Path, tmp_path: Path, keepgate
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_bytes(f"\ufeff{ASKED}\r\n\r\n{OTHER}\r\n".encode())
    ran = keepgate("ask", lstm, "--text", text, "--questions", questions)
    assert [line for line in ran.out.splitlines() if line.endswith("?")] == [ASKED, OTHER]


def test_the_text_may_come_through_a_pipe(lstm: Path, text: Path, keepgate) -> None:
    from_file = keepgate("ask", lstm, "--text", text, "--question", ASKED)
    assert keepgate("ask", lstm, "--text", "-", "--question", ASKED, stdin=text.read_bytes()) == from_file


def test_questions_may_come_through_a_pipe_without_a_prompt(lstm: Path, text: Path, keepgate) -> None:
    ran = keepgate("ask", lstm, "--text", text, "--json", stdin=f"{ASKED}\n\n{OTHER}\n".encode())
    assert ran.err == ""
    assert [json.loads(line)["question"] for line in ran.out.splitlines()] == [ASKED, OTHER]
    named = keepgate(
        "ask", lstm, "--text", text, "--questions", "-", "--json", stdin=f"{ASKED}\n{OTHER}".encode()
    )
    assert named.out == ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--text", "-"], "the questions must come with --question or from a file"),
        (["--text", "-", "--questions", "-"], "the questions must come with --question or from a file"),
        (["--text", "a", "--question", "b", "--questions", "c"], "give one of them"),
        (["--text", "a", "--question", " "], "--question is empty"),
        (["--text", "a", "--question", "\udcff"], "--question is not UTF-8"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: list[str], says: str, lstm: Path, keepgate) -> None:
    ran = keepgate("ask", lstm, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_an_empty_pipe_is_a_broken_file(lstm: Path, keepgate) -> None:
    ran = keepgate("ask", lstm, "--text", "-", "--question", ASKED)
    assert ran.code == 3
    assert "standard input is empty" in ran.err


def test_a_prompt_goes_on_until_an_empty_line_or_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for last in ("", EOFError()):
        lines = iter([" one? ", UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "two?", last, "never?"])

        def typed(lines=lines) -> str:
            line = next(lines)
            if isinstance(line, Exception):
                raise line
            return line

        monkeypatch.setattr(inputs, "_read_line", typed)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        assert list(inputs.prompted_questions()) == ["one?", "two?"]
