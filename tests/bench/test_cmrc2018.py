"""The benchmark's own parts: what is held out, and how figures of several seeds come together."""

import json
from pathlib import Path

import pytest

from bench import cmrc2018
from keepgate.data.questions import Question


@pytest.fixture(autouse=True)
def _results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cmrc2018, "RESULTS", tmp_path / "results" / "cmrc2018.json")


def test_no_text_is_both_learnt_from_and_measured_on() -> None:
    questions = [Question(text=f"文{text}", question=f"問{ask}?") for text in range(9) for ask in range(3)]
    kept, held = cmrc2018.split(questions, 4)
    assert len({each.text for each in held}) == 4
    assert {each.text for each in held}.isdisjoint(each.text for each in kept)
    assert len(kept) + len(held) == len(questions)
    assert cmrc2018.split(questions, 4) == (kept, held)


def test_seeds_of_one_recipe_come_together_and_another_recipe_starts_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seed, exact in ((1, 0.5), (0, 0.25), (1, 0.75)):
        cmrc2018.record(seed, {"exact": exact, "f1_substring": 0.5, "f1_bag": 0.5})
    results = json.loads(cmrc2018.RESULTS.read_text())
    assert list(results["seeds"]) == ["0", "1"]
    assert results["mean"]["exact"] == 0.5
    assert results["sd_between_seeds"]["exact"] == pytest.approx(0.5 / 2**0.5)
    assert results["seeds"]["0"]["machine"]["torch"]
    monkeypatch.setattr(cmrc2018, "RUN", cmrc2018.replace(cmrc2018.RUN, steps=5))
    cmrc2018.record(2, {"exact": 0.1, "f1_substring": 0.5, "f1_bag": 0.5})
    assert list(json.loads(cmrc2018.RESULTS.read_text())["seeds"]) == ["2"]
    assert [path.name for path in cmrc2018.RESULTS.parent.iterdir()] == ["cmrc2018.json"]


def test_the_bootstrap_knows_the_spread_of_a_mean() -> None:
    scores = cmrc2018.np.random.default_rng(0).random((400, 2)) < 0.3
    expected = (0.3 * 0.7 / 400) ** 0.5
    assert cmrc2018._bootstrap(scores.astype(float)) == pytest.approx([expected, expected], rel=0.15)
