"""Two hundred questions as strangers type them: answered and announced as was asked for, and never trained on."""

import csv
import json
from pathlib import Path

import pytest

import keepgate
from keepgate.demo.open_stories.stories import open_stories
from keepgate.demo.story_templates import Language

LIST = Path(__file__).with_name("strangers.tsv")
MEASURED = json.loads((LIST.parents[2] / "bench" / "results" / "strangers.json").read_text("utf-8"))


def rows() -> list[list[str]]:
    with LIST.open(encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t"))


@pytest.mark.parametrize("name", ["open-lstm", "open-gru"])
def test_most_are_answered_right_and_nearly_all_others_are_announced(name: str) -> None:
    count = MEASURED["networks"][name]
    assert MEASURED["questions"] == len(rows()) == count["right"] + count["others"] == 200
    assert count["right"] >= 120
    assert count["others announced"] >= 0.95 * count["others"]


def test_the_package_knows_nothing_of_the_list() -> None:
    sources = [path.read_text("utf-8") for path in Path(keepgate.__file__).parent.rglob("*.py")]
    assert not [text for text in sources if LIST.stem in text]
    asked = {text for text, *_ in rows() if len(text) > 12}
    assert not [text for source in sources for text in asked if text in source]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_story_of_the_training_is_on_the_list_with_its_question(language: Language) -> None:
    trained = {
        (story.text.strip(), story.question) for story in open_stories(1000, seed=1, language=language)
    }
    assert len(trained) > 900
    assert not trained & {(text.strip(), question) for text, question, _ in rows()}
