"""Imbalance is said with the figures of the data, and nothing where labels and lengths are even."""

import numpy as np
import pytest

from keepgate.data.balance import imbalance_of
from keepgate.data.labelled import LabelledText
from keepgate.data.labelled_series import LabelledSeries
from keepgate.data.questions import Question
from keepgate.data.series import Series, make_series
from keepgate.data.tagged import tagged_text


def labelled(**counts: int) -> list[LabelledText]:
    return [LabelledText(text="x" * 10, label=label) for label, count in counts.items() for _ in range(count)]


def test_a_rare_label_is_named_with_its_share() -> None:
    assert imbalance_of(labelled(good=970, bad=30), "texts") == [
        "1 of 2 labels occur less than a tenth as often as 'good' (97.0% of 1,000 texts); the rarest, 'bad', 30 times "
        "(3.0%): accuracy hardly shows them, so judge by macro F1, weigh them "
        "(--set class_weights=balanced), and collect more of them."
    ]
    assert imbalance_of(labelled(good=1000, fair=101, bad=100), "texts") == []
    (sentence,) = imbalance_of(labelled(good=1000, fair=99, bad=98), "texts")
    assert sentence.startswith("2 of 3 labels")


def test_of_entities_the_kinds_are_counted_and_of_others_the_tags() -> None:
    entities = [tagged_text(["a", "b", "c"], ["B-PER", "I-PER", "O"])] * 30
    assert imbalance_of(entities, "texts") == []
    (sentence,) = imbalance_of([*entities, tagged_text(["x"], ["B-ORG"])], "texts")
    assert "1 of 2 tags" in sentence
    assert "'PER' (98.4% of 61 tagged tokens); the rarest, 'ORG', 1 time (1.6%)" in sentence
    (sentence,) = imbalance_of([tagged_text(["a"] * 20, ["NOUN"] * 19 + ["VERB"])], "texts")
    assert "'NOUN' (95.0% of 20 tagged tokens); the rarest, 'VERB', 1 time (5.0%)" in sentence


def test_the_answers_that_a_reader_chooses_from_are_counted() -> None:
    questions = [
        Question(text="Ann sails.", question="?", answers=("yes", "no")[k < 4 :][:1]) for k in range(100)
    ]
    (sentence,) = imbalance_of(questions, "questions", chosen=True)
    assert sentence.startswith(
        "1 of 2 answers occur less than a tenth as often as 'yes' (96.0% of 100 questions); the"
    )
    assert imbalance_of(questions, "questions") == []


def test_a_few_long_texts_are_told_by_what_they_hold() -> None:
    short = [LabelledText(text="x" * 10, label="good") for _ in range(198)]
    long = [LabelledText(text="x" * 660, label="good") for _ in range(2)]
    (sentence,) = imbalance_of([*short, *long], "texts")
    assert sentence.startswith(
        "The longest 1.0% of the texts (2 of 200, of 660 to 660 characters) hold 40.0% of the characters: "
    )
    assert imbalance_of(short, "texts") == []
    # Of fewer than fifty texts none is one in a hundred.
    assert imbalance_of([*short[:40], *long], "texts") == []
    questions = [Question(text="x" * (5 if k else 5000), question="?") for k in range(100)]
    assert "questions (1 of 100" in imbalance_of(questions, "questions")[0]


def test_series_are_counted_in_steps() -> None:
    series = [
        LabelledSeries(values=np.zeros((2 if k else 2000, 1), np.float32), features=("x",), label="a")
        for k in range(100)
    ]
    assert "hold 91.0% of the steps" in imbalance_of(series, "series")[0]


@pytest.mark.parametrize("items", [[], [object()] * 200, [LabelledText(text="")] * 200])
def test_of_nothing_nothing_is_said(items: list[object]) -> None:
    assert imbalance_of(items, "texts") == []


def test_short_series_beside_a_long_one_are_told() -> None:
    def series(steps: int) -> Series:
        return make_series(np.arange(float(steps)))

    (sentence,) = imbalance_of([series(3000), series(120), series(400)], "series")
    assert sentence.startswith(
        "1 of 3 series have less than a tenth of the steps of the longest (120 beside 3,000)"
    )
    assert imbalance_of([series(1200), series(120)], "series") == []
