"""Without torch: keepgate imports, models answer, and whatever needs torch says which extra brings it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keepgate.cli.__main__ import main
from tests.runtime.models import ENGLISH, STORIES, TASKS, built, items_of, saved

# Where torch and all that comes with the extras is refused, whether it is installed or not.
WITHOUT = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refused())
"""
TORCH = ("torch", "jaxtyping", "tomli_w", "jinja2", "markupsafe")
CLI = ("cyclopts", "rich")


def process(
    code: str, *arguments: object, without: tuple[str, ...] = TORCH + CLI, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """A process in which these packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT % (without,) + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
    )


def run(code: str, *arguments: object) -> str:
    """What it prints."""
    done = process(code, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def keepgate(
    *arguments: object, without: tuple[str, ...] = TORCH, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """The command line there."""
    code = "import sys; from keepgate.cli.__main__ import main; sys.exit(main())"
    return process(code, *arguments, without=without, stdin=stdin)


def test_every_model_answers_as_it_does_with_torch(tmp_path: Path) -> None:
    expected = []
    for number, name in enumerate(name for name in TASKS if "registered" not in name):
        task = built(name)
        saved(task, tmp_path / f"{number:02}")
        item = items_of(task)[1]
        expected.append(task.predict([item])[0].text)
        (tmp_path / f"{number:02}.txt").write_text(f"{item.text}\\0{item.question}".replace("\\0", "\0"))
    printed = run(
        """
from pathlib import Path
from keepgate import c99, runtime
for folder in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    text, question = folder.with_suffix(".txt").read_text().split("\\0")
    model = runtime.load(folder)
    print(repr(model.answer(text, question or None).text))
c99.export(model, None) if model.kind == "language-model" else None
assert "torch" not in sys.modules
""",
        tmp_path,
    )
    assert printed.splitlines() == [repr(text) for text in expected]


def test_what_needs_torch_says_what_to_install() -> None:
    printed = run("""
import keepgate
from keepgate import export, tasks
for ask in (
    lambda: keepgate.GRU, lambda: keepgate.swap, lambda: keepgate.lens, lambda: export.load, lambda: tasks.Tagger
):
    try:
        ask()
    except keepgate.PackageMissing as missing:
        print(missing)
        assert isinstance(missing, ImportError)
    else:
        raise AssertionError("it was imported")
print(keepgate.cell, keepgate.__version__)
""")
    lines = printed.splitlines()
    for line, name in zip(lines, ("GRU", "swap", "lens", "export.load", "tasks.Tagger"), strict=False):
        needed = "tomli_w" if name == "export.load" else "torch"
        assert line == (
            f"keepgate.{name} needs {needed}, which is not installed; run: pip install 'keepgate[torch]'"
        )


def test_importing_it_loads_little() -> None:
    """Neither torch nor what only the command line, training or the page needs; the time is in bench/runtime.py."""
    printed = run("""
import numpy
before = set(sys.modules)
import keepgate.runtime
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before if name[0] != "_"}))
""")
    ours = {name for name in printed.split() if name not in sys.stdlib_module_names}
    assert ours == {"keepgate", "numpy", "safetensors"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("choice, attention", ("ask", "--text", "-", "--question", STORIES[0].question, "--json")),
        ("span", ("ask", "--text", "-", "--question", STORIES[0].question)),
        ("classifier, mean and max", ("predict", "-", "--tsv")),
        ("tagger, words and letters", ("tag", "-")),
        ("language model", ("write", "--prompt", "Ann", "--length", "20", "--seed", "1")),
    ],
)
def test_the_command_answers_as_it_does_with_torch(
    name: str, words: tuple[str, ...], tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, text = saved(built(name), tmp_path / "model"), f"{STORIES[0].text}{ENGLISH}\n"
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    arguments = [words[0], folder, *(tmp_path / "text.txt" if word == "-" else word for word in words[1:])]
    alone = keepgate(*arguments)
    assert alone.returncode == 0, alone.stderr
    monkeypatch.setenv("COLUMNS", "200")
    assert main([str(argument) for argument in arguments]) == 0
    assert numberless(alone.stdout) == numberless(capsys.readouterr().out)


def numberless(text: str) -> str:
    """The text with its fractions in three digits: the last ones are rounding."""
    return re.sub(r"\d+\.\d{4,}", lambda number: f"{float(number[0]):.3f}", text)


def test_a_command_for_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    folder = saved(built("classifier, last"), tmp_path / "model")
    done = keepgate("tag", folder, "-", stdin="a text")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"keepgate: {folder} is a classifier, which gives no tags; use `keepgate predict`\n"


def test_what_trains_or_explains_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    folder = saved(built("choice, attention"), tmp_path / "model")
    (tmp_path / "texts.jsonl").write_text('{"text": "a", "label": "b"}\n{"text": "c", "label": "d"}\n')
    commands = (
        ("train", "classifier", tmp_path / "texts.jsonl", "--out", tmp_path / "new"),
        ("look", folder, "--text", tmp_path / "texts.jsonl", "--question", "what?"),
        ("evaluate", folder, tmp_path / "texts.jsonl"),
        ("explain",),
        ("compare",),
    )
    for command in commands:
        done = keepgate(*command)
        assert done.returncode == 2, done.stderr
        line = done.stderr.splitlines()[-1]
        assert line.startswith("keepgate: "), done.stderr
        assert line.endswith("not installed; run: pip install 'keepgate[torch]'"), done.stderr
    assert keepgate("--help").returncode == 0
    assert json.loads((folder / "manifest.json").read_text())


def test_without_the_command_lines_packages_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    done = keepgate("--help", without=TORCH + CLI)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "keepgate: the command line needs cyclopts, which is not installed; run: pip install 'keepgate[cli]'\n"
    )


def test_the_c_of_a_model_is_written_without_torch(tmp_path: Path) -> None:
    folder = saved(built("classifier, mean and max"), tmp_path / "model")
    done = keepgate("export", folder, "--c", tmp_path / "c", "--fixed-bytes")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["manifest.json", "model.c", "model.h"]
    assert "bytes of weights (constant)" in done.stdout
    assert main(["export", str(folder)]) == 2
    assert main(["export", str(folder), "--fixed-bytes"]) == 0
