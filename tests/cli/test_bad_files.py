"""Files that are none: every training and every use answers with one line that names the file, and writes nothing."""

from pathlib import Path

import pytest

from keepgate.cli.train_commands import train_commands
from keepgate.export import save
from keepgate.tasks import KINDS
from tests.train.test_readers import EXAMPLES

BAD = {
    "no bytes": b"",
    "blanks only": b" \n\t\n \n",
    "zero bytes": b"text,label\n\0\0\0\0",
    "UTF-16": "text,label\ngood,1\nbad,0\n".encode("utf-16"),
    "packed": b"\x1f\x8b\x08\x00\x00\x00",
    "half a character": "text,label\n好房間,1\n".encode()[:-5] + b"\xe5\n",
    "names of columns only": b"text,label\n",
    "a JSON of numbers": b"[1, 2, 3]",
    "objects of wrong types": b'{"text": {"a": 1}, "label": [[1]], "question": 5, "tokens": 3, "tags": "x"}',
    "half a JSON": b'{"text": "good", "la',
}
# A plain text of any kind is something to learn from; a list of numbers may be a column, and numbers a series.
TOO_LITTLE = {("tagger", "a JSON of numbers"), ("forecaster", "objects of wrong types")}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", [command.name for command in train_commands()])
def test_no_training_begins_on_a_file_that_is_none(name: str, bad: str, tmp_path: Path, keepgate) -> None:
    path = tmp_path / "data file"
    path.write_bytes(BAD[bad])
    ran = keepgate("train", name, path, "--out", tmp_path / "mine", "--steps", 1)
    if name == "language-model" and ran.code == 0:
        assert bad in ("names of columns only", "a JSON of numbers", "objects of wrong types", "half a JSON")
        return
    assert ran.code in (2, 3), ran.err
    assert "Traceback" not in ran.err
    assert "data file" in ran.err or (name, bad) in TOO_LITTLE
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("bad", ["no bytes", "zero bytes", "UTF-16", "packed", "half a character"])
def test_no_answer_is_given_to_a_file_that_is_none(bad: str, tmp_path: Path, keepgate, lstm: Path) -> None:
    path = tmp_path / "data file"
    path.write_bytes(BAD[bad])
    for words in (
        ("ask", lstm, "--text", path, "--question", "who?"),
        ("look", lstm, "--text", path, "--question", "who?"),
        ("evaluate", lstm, path),
        ("examine", lstm, "--data", path),
    ):
        ran = keepgate(*words)
        assert ran.code in (2, 3), (words, ran.err)
        assert ran.err.strip()
        assert "Traceback" not in ran.err


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_command_of_any_task_takes_a_file_that_is_none(kind: str, tmp_path: Path, keepgate) -> None:
    settings = KINDS[kind].task.settings_type(hidden_size=4)
    save(
        KINDS[kind].build(EXAMPLES[kind][0], settings, 0, None), tmp_path / "mine", card={"what": "for tests"}
    )
    path, model = tmp_path / "data file", tmp_path / "mine"
    commands = [("evaluate", model, path), ("examine", model, "--data", path)]
    if KINDS[kind].command in ("predict", "tag", "forecast"):
        commands += [(KINDS[kind].command, model, path), (KINDS[kind].command, model, "-")]
    for bad in ("no bytes", "zero bytes", "UTF-16", "packed", "half a character"):
        path.write_bytes(BAD[bad])
        for words in commands:
            ran = keepgate(*words, stdin=BAD[bad])
            assert (ran.code, ran.out) == (3, ""), (bad, words, ran.out, ran.err)
            assert "standard input" in ran.err if words[-1] == "-" else "data file" in ran.err
