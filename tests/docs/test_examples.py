"""Every code block of README and docs, and every file of examples, runs as a reader would run it."""

import os
import re
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from docs import pages

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "README.zh-TW.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("**/*.md")),
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(arguments: list[str], folder: Path) -> str:
    """What a fresh process prints; warnings are errors there too."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error", "COLUMNS": "100"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    done = subprocess.run(arguments, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_something(path, tmp_path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40, "an example is one idea, under 40 lines"
    assert run([sys.executable, str(path)], tmp_path).strip()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_python_of_a_page_runs_and_prints_what_the_page_shows(page, tmp_path):
    """Words are compared and numbers are not: a network trained on another processor is another network.

    A tenth may differ, where a number decides how something is said. What the pages claim of trained networks holds
    from many seeds (`bench/guide.py`), so that the words stay the same.
    """
    text = page.read_text(encoding="utf-8")
    between = "\nprint('\\x1e')\n"
    script = tmp_path / "page.py"
    script.write_text(between.join(block.code for block in pages.blocks(text)), encoding="utf-8")
    printed = run([sys.executable, str(script)], tmp_path).split("\x1e\n")
    for block, output in zip(pages.blocks(text), printed, strict=True):
        if block.shown is not None:
            alike = SequenceMatcher(None, without_numbers(block.shown), without_numbers(output)).ratio()
            assert alike > 0.9, f"{page.name} shows\n{block.shown}\nbut its Python prints\n{output}"


def without_numbers(text: str) -> str:
    return re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "#", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_exist(page):
    """`keepgate …` and `make …` in a page name a command or target, with options that it has."""
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for block in re.findall(r"^```(?:console|sh|bash)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            words = line.removeprefix("$ ").split("#")[0].split()
            if words[:1] == ["make"]:
                assert set(words[1:2]) <= targets, line
            if words[:1] == ["keepgate"] and len(words) > 1 and not words[1].startswith("-"):
                check_command(words[1:], line)


def check_command(words: list[str], line: str) -> None:
    command = words[:2] if words[:1] == ["train"] else words[:1]
    name = " ".join(command)
    if name not in _HELP:
        _HELP[name] = run(["keepgate", *command, "--help"], ROOT)
    for option in [word for word in words if word.startswith("--")]:
        assert option.split("=")[0] in _HELP[name], f"{option} is no option: {line}"


_HELP: dict[str, str] = {}


def test_the_tables_are_what_the_benchmarks_print():
    run([sys.executable, "-m", "bench.table", "--check"], ROOT)
