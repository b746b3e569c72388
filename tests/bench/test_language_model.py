"""The language model's benchmark keeps the last tenth aside, and the figures of a recipe's seeds together."""

import json
from pathlib import Path

import pytest

from bench import language_model
from keepgate.data.labelled import LabelledText


def test_the_last_tenth_is_kept_aside() -> None:
    train, test = language_model.split(LabelledText(text="0123456789" * 3))
    assert (len(train.text), train.text + test.text) == (27, "0123456789" * 3)


def test_figures_of_the_same_recipe_are_kept_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model, "RESULTS", tmp_path / "language_model.json")
    for seed, nats in ((1, 1.5), (0, 1.6)):
        language_model.record(seed, {"nats": nats}, {"train": 1_000_000, "test": 100_000})
    results = json.loads(language_model.RESULTS.read_text())
    assert (results["mean"], results["range"], list(results["seeds"])) == (1.55, [1.5, 1.6], ["0", "1"])
    language_model.record(2, {"nats": 1.4}, {"train": 2_000_000, "test": 100_000})
    assert list(json.loads(language_model.RESULTS.read_text())["seeds"]) == ["2"]
