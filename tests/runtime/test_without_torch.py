"""Without torch: keepgate imports, models answer, and whatever needs torch says which extra brings it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.runtime.models import TASKS, built, items_of, saved

# Where torch and all that comes with the extras is refused, whether it is installed or not.
WITHOUT = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "jaxtyping", "cyclopts", "rich", "tomli_w", "jinja2"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refused())
"""


def run(code: str, *arguments: object) -> str:
    """What a process prints in which torch cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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
        assert line == (
            f"keepgate.{name} needs torch, which is not installed; run: pip install 'keepgate[torch]'"
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
