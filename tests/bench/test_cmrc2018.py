"""The benchmark's own parts: what is held out, and how figures of several seeds come together."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from keepgate.data.questions import Question


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = Path(__file__).parents[2] / "bench"
    monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location("cmrc2018", folder / "cmrc2018.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results" / "cmrc2018.json")
    return module


def test_no_text_is_both_learnt_from_and_measured_on(bench: ModuleType) -> None:
    questions = [Question(text=f"文{text}", question=f"問{ask}?") for text in range(9) for ask in range(3)]
    kept, held = bench.split(questions, 4)
    assert len({each.text for each in held}) == 4
    assert {each.text for each in held}.isdisjoint(each.text for each in kept)
    assert len(kept) + len(held) == len(questions)
    assert bench.split(questions, 4) == (kept, held)


def test_seeds_of_one_recipe_come_together_and_another_recipe_starts_anew(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, exact in ((1, 0.5), (0, 0.25), (1, 0.75)):
        bench.record(seed, {"exact": exact, "f1_substring": 0.5, "f1_bag": 0.5})
    results = json.loads(bench.RESULTS.read_text())
    assert list(results["seeds"]) == ["0", "1"]
    assert results["mean"]["exact"] == 0.5
    assert results["sd_between_seeds"]["exact"] == pytest.approx(0.5 / 2**0.5)
    assert results["seeds"]["0"]["machine"]["torch"]
    monkeypatch.setattr(bench, "RUN", bench.replace(bench.RUN, steps=5))
    bench.record(2, {"exact": 0.1, "f1_substring": 0.5, "f1_bag": 0.5})
    assert list(json.loads(bench.RESULTS.read_text())["seeds"]) == ["2"]
    assert [path.name for path in bench.RESULTS.parent.iterdir()] == ["cmrc2018.json"]


def test_the_bootstrap_knows_the_spread_of_a_mean(bench: ModuleType) -> None:
    scores = bench.np.random.default_rng(0).random((400, 2)) < 0.3
    expected = (0.3 * 0.7 / 400) ** 0.5
    assert bench._bootstrap(scores.astype(float)) == pytest.approx([expected, expected], rel=0.15)
