"""The figures of a recipe's seeds are kept together, and a tagger is trained, measured and saved."""

import json
from pathlib import Path

import pytest

from bench import tagging
from keepgate.data.tagged import tagged_text
from keepgate.export import load
from keepgate.tasks.tagger import TaggerSettings

SIZES = {"train": 8, "dev": 1, "test": 1}


def test_the_seeds_of_one_recipe_stand_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagging, "RESULTS", tmp_path / "results")
    for seed, f1 in ((1, 0.9), (0, 0.8)):
        tagging.record("resume_ner", seed, {"test": {"f1": f1, "interval": (0, 1)}}, SIZES)
    results = json.loads((tmp_path / "results" / "resume_ner.json").read_text())
    assert list(results["seeds"]) == ["0", "1"]
    assert results["mean"] == {"f1": pytest.approx(0.85)}
    assert results["range"]["f1"] == [0.8, 0.9]


def test_one_is_trained_measured_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tagging, "SETTINGS", TaggerSettings(embedding_size=4, pair_size=0, hidden_size=4, min_count=1)
    )
    texts = [tagged_text("王明來", ["B-X", "E-X", "O"], id=str(k)) for k in range(4)]
    monkeypatch.setattr(tagging, "recipe", lambda *_: tagging.TrainingConfig(steps=3, batch_size=2))
    parts = {"train": texts, "dev": texts, "test": texts}
    figures = tagging.train_and_measure(parts, tagging.CORPORA["resume_ner"], 0, tmp_path)
    assert set(figures["test"]) == {"f1", "precision", "recall", "accuracy", "interval"}
    assert load(tmp_path / "seed-0").scheme == "BMES"
