"""Layers in torch.compile, torch.export and torch.jit: compiled.py, run by a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = re.findall(
    r"(?:(@pytest.mark.slow)\n)?def (test_\w+)", (HERE / "compiled.py").read_text(encoding="utf-8")
)
QUICK = [name for slow, name in TESTS if not slow]


def run(marked: str) -> list[tuple[str, str]]:
    """Each test of compiled.py with its verdict, run without this project's conftest."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-q",
        "-rA",
        "-m",
        marked,
    ]
    done = subprocess.run(
        [*command, "--show-capture=no", str(HERE / "compiled.py")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(done.stdout[-8000:], done.stderr[-2000:])
    return re.findall(r"^(PASSED|FAILED|ERROR) \S*compiled.py::(\w+)", done.stdout, re.MULTILINE)


@pytest.fixture(scope="module")
def verdicts():
    """One process for all: torch.compile takes long to wake up."""
    return run("not slow")


@pytest.mark.parametrize("name", QUICK)
def test_without_the_checks_of_annotations(name, verdicts):
    assert {verdict for verdict, test in verdicts if test == name} == {"PASSED"}


@pytest.mark.slow  # a C++ compiler runs
def test_inductor():
    assert run("slow") == [("PASSED", "test_inductor")]
