"""A cell of the user's own at the command line, by the file that declares it."""

import json
import os
from pathlib import Path

import pytest

from keepgate import cells
from tests.cli.test_classifier import QUICK, write

SLIM = """
from keepgate.equations import Step, cell, sigmoid, tanh

@cell(gates="f g", states="h")
def slim(wx, uh, s):
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    return Step(h=f * s.h + (1 - f) * g, f=f, g=g)
"""


@pytest.fixture(autouse=True)
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_registered", dict(cells._registered))


def test_every_command_knows_the_cells_of_the_files_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    file, data, out = tmp_path / "cell_of_mine.py", write(tmp_path / "train.csv"), tmp_path / "mine"
    file.write_text(SLIM)
    train = ("train", "classifier", data, "--out", out, "--steps", 2, "--cell", "cell_of_mine.slim", *QUICK)
    ran = keepgate(*train)
    assert (ran.code, "KEEPGATE_CELL_FILES" in ran.err) == (2, True), ran.err
    monkeypatch.setenv("KEEPGATE_CELL_FILES", os.pathsep + str(file))
    assert keepgate(*train).code == 0
    monkeypatch.setattr(cells, "_registered", {})
    ran = keepgate("predict", out, "-", stdin=b"the lovely room\n")
    assert json.loads(ran.out)["label"] in ("good", "bad"), ran.err
    tuned = ("--tune", 1, "--dev", data, "--jobs", 1)
    ran = keepgate(*train[:4], tmp_path / "tuned", *train[5:], *tuned)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.py", None, "which is no file"),
        ("wrong.py", "x = 1 / 0", "does not run: ZeroDivisionError"),
        ("empty.py", "x = 1", "declares no cell"),
        ("json.py", SLIM, "a module called json is in use"),
        ("cell.txt", SLIM, "has to end in .py"),
    ],
)
def test_a_file_without_a_cell_is_named_with_its_fault(
    name: str, content: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("KEEPGATE_CELL_FILES", str(tmp_path / name))
    ran = keepgate("explain")
    assert (ran.code, says in " ".join(ran.err.split())) == (2, True), ran.err
