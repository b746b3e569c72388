"""The notebooks run and print what they show, also without the compiled core, and in part without torch."""

import json
import sys
from pathlib import Path

import pytest

from .test_examples import ROOT, run, without_numbers

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# As in a browser's Python, which has no module that was compiled for this machine.
WITHOUT = """
import sys, warnings
REFUSED = {refused}
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name in REFUSED:
            raise ImportError("there is no module for this machine")
sys.meta_path.insert(0, Refused())
warnings.filterwarnings("ignore", "keepgate's compiled core", RuntimeWarning)
"""
WITHOUT_CORE = WITHOUT.format(refused=["keepgate._core"])
WITHOUT_BOTH = WITHOUT.format(refused=["keepgate._core", "torch"])
END = "\nassert not {*REFUSED} & {*sys.modules}\n"


def cells(notebook: Path, *, torch: bool) -> list[dict[str, object]]:
    """The cells with code; those that need torch are tagged so."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    return [cell for cell in code if torch or "torch" not in cell["metadata"].get("tags", [])]


@pytest.mark.parametrize(
    "before", ["", WITHOUT_CORE, WITHOUT_BOTH], ids=["core", "without core", "without core and torch"]
)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(notebook: Path, before: str, tmp_path: Path) -> None:
    between = "\nprint('\\x1e')\n"
    ran = cells(notebook, torch=before != WITHOUT_BOTH)
    assert len(ran) > 2
    script = tmp_path / "notebook.py"
    script.write_text(
        before + between.join("".join(cell["source"]) for cell in ran) + (before and END), encoding="utf-8"
    )
    printed = run([sys.executable, str(script)], tmp_path).split("\x1e\n")
    for cell, output in zip(ran, printed, strict=True):
        (shown,) = cell["outputs"]
        assert without_numbers("".join(shown["text"])) == without_numbers(output)


def test_answers_without_torch_need_no_core(tmp_path: Path) -> None:
    """The runtime on numpy alone: the same answer as the core's."""
    code = """
from keepgate.demo.pretrained import folders
from keepgate.demo.stories import pirate_king_story
from keepgate import runtime
answer = runtime.load(folders()["zh/lstm-chrono"]).predict([pirate_king_story(100, seed=2)])[0]
print(answer.text, round(answer.probability, 5))
"""
    printed = []
    for name, text in (("core", code), ("without", WITHOUT_CORE + code + END)):
        script = tmp_path / f"{name}.py"
        script.write_text(text, encoding="utf-8")
        printed.append(run([sys.executable, str(script)], tmp_path))
    assert printed[0] == printed[1]
    assert printed[0].startswith("魯夫")
