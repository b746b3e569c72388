"""What is committed is what the cells say now; --check names what is not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keepgate.cells import COMPILED
from keepgate.emit import __main__ as command
from keepgate.emit import files

CSRC = Path(__file__).parent.parent.parent / "csrc" / "cells"


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(CSRC, tmp_path / "cells"))


def test_the_committed_files_are_fresh():
    written = {path.name: path.read_text(encoding="utf-8") for path in CSRC.iterdir()}
    assert written == files(), "run: python -m keepgate.emit"


def test_every_compiled_cell_has_a_file():
    assert list(files()) == [*(f"{cell.name}.h" for cell in COMPILED), "all.h"]


def test_check_is_quiet_when_all_is_fresh_and_writes_nothing(copy, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir()}
    assert command.main(["--check", "--out", str(copy)]) == 0
    assert capsys.readouterr().err == ""
    assert {path.name: path.stat().st_mtime_ns for path in copy.iterdir()} == before


def test_check_names_each_stale_file_and_writing_makes_it_fresh(copy, capsys):
    lstm = copy / "lstm.h"
    lstm.write_text(lstm.read_text().replace("sigmoid(a_f)", "tanh(a_f)"))
    (copy / "gru.h").unlink()
    shutil.copy(copy / "mingru.h", copy / "gone.h")
    (copy / "notes.h").write_text("// written by a person\n")
    assert command.main(["--check", "--out", str(copy)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split("; ")[0] for line in said] == [
        f"{copy / 'gru.h'} is missing", f"{copy / 'lstm.h'} is stale", f"{copy / 'gone.h'} is no cell's",
    ]  # fmt: skip
    assert all(line.endswith("run: python -m keepgate.emit") for line in said)
    assert "tanh(a_f)" in lstm.read_text()

    assert command.main(["--out", str(copy)]) == 0
    assert capsys.readouterr().out == f"{copy}: gru.h, lstm.h, gone.h written\n"
    assert {path.name: path.read_text() for path in copy.glob("[!n]*.h")} == files()
    assert (copy / "notes.h").exists()
    assert command.main(["--check", "--out", str(copy)]) == 0


def test_files_are_written_into_a_new_folder(tmp_path):
    assert command.main(["--out", str(tmp_path / "new" / "cells")]) == 0
    assert {path.name for path in (tmp_path / "new" / "cells").iterdir()} == files().keys()


def test_outside_of_a_checkout_it_says_what_to_do(monkeypatch, tmp_path, capsys):
    installed = tmp_path / "lib" / "site-packages" / "keepgate" / "emit" / "__main__.py"
    monkeypatch.setattr(command, "__file__", str(installed))
    with pytest.raises(SystemExit) as stopped:
        command.main(["--check"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert f"{installed.parent} is not in a checkout" in said
    assert "--out DIR" in said


def test_the_command_runs_as_a_module_and_its_help_shows_how():
    def run(*arguments):
        command = [sys.executable, "-m", "keepgate.emit", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("--check").returncode == 0
    shown = run("--help").stdout
    for word in ("--check", "--out DIR", "examples:", "csrc/cells"):
        assert word in shown
