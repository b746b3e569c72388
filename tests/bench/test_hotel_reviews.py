"""The hotel reviews' split is a hash of the text, and the figures of a recipe's seeds are kept together."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bench import hotel_reviews
from keepgate.data.labelled import LabelledText

SIZES = {"train": 8, "dev": 1, "test": 1}


def test_the_split_is_by_the_text_alone() -> None:
    texts = [LabelledText(text=f"review {k}", label=str(k % 2)) for k in range(2000)]
    parts = hotel_reviews.split([*texts, *texts])
    counts = {name: len(items) for name, items in parts.items()}
    assert sum(counts.values()) == 4000
    assert 350 < counts["test"] < 450
    assert 350 < counts["dev"] < 450
    assert (
        max(
            Counter(
                item.text for items in parts.values() for item in {id(i): i for i in items}.values()
            ).values()
        )
        == 1
    )
    assert not {item.text for item in parts["train"]} & {item.text for item in parts["test"]}


def test_the_seeds_of_one_recipe_stand_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotel_reviews, "RESULTS", tmp_path / "results" / "hotel_reviews.json")
    for seed, accuracy in ((1, 0.9), (0, 0.8)):
        test = {"accuracy": accuracy, "macro_f1": 0.5, "balanced_accuracy": 0.5}
        hotel_reviews.record(seed, {"test": test}, SIZES)
    results = json.loads(hotel_reviews.RESULTS.read_text())
    assert list(results["seeds"]) == ["0", "1"]
    assert results["mean"]["accuracy"] == pytest.approx(0.85)
    assert results["range"]["accuracy"] == [0.8, 0.9]
