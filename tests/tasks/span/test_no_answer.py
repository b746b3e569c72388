"""Questions that their texts do not answer (SQuAD 2.0): scores by hand, the threshold, a reader that abstains."""

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keepgate.data.corpora import read
from keepgate.data.questions import NO_ANSWER, Question
from keepgate.errors import CorpusError
from keepgate.tasks.answer import Answer
from keepgate.tasks.metrics import measure_answers
from keepgate.tasks.span.decode import SpanOrNone
from keepgate.tasks.span.reader import SpanReader
from keepgate.tasks.span.settings import SpanReaderSettings
from keepgate.tasks.span.threshold import best_threshold
from tests.tasks.span.by_heart import learnt

TEXT = "The red apple fell. Ann ate it."


def squad(*entries: dict[str, Any]) -> str:
    asked = [{"id": f"q{number}", "question": "What fell?", **entry} for number, entry in enumerate(entries)]
    return json.dumps({"version": "v2.0", "data": [{"paragraphs": [{"context": TEXT, "qas": asked}]}]})


def asked(*answers: str) -> Question:
    return Question(text=TEXT, question="What fell?", answers=answers)


def test_is_impossible_is_read_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    plausible = [{"text": "apple", "answer_start": 8}]
    path.write_text(
        squad(
            {"is_impossible": False, "answers": [{"text": "red apple", "answer_start": 4}]},
            {"is_impossible": True, "answers": [], "plausible_answers": plausible},
        )
    )
    corpus = read([path])
    assert [question.answers for question in corpus.questions] == [("red apple",), NO_ANSWER]
    assert [question.unanswerable for question in corpus.questions] == [False, True]
    assert corpus.account() == "2 questions (squad), 1 of them without an answer in the text"
    assert corpus.share_in_text == 1.0
    path.write_text(squad({"is_impossible": "no", "answers": []}))
    with pytest.raises(CorpusError, match="'is_impossible' is text; it must be true or false"):
        read([path])


def test_the_scores_are_those_of_squads_script() -> None:
    questions = [asked("red apple"), asked("red apple"), asked("Ann"), asked(*NO_ANSWER), asked(*NO_ANSWER)]
    # Right; half of it: precision 1, recall 1/2; withheld; rightly withheld; given where there is none.
    given = ["red apple", "apple", "", "", "apple"]
    measurement = measure_answers(lambda some: [Answer(text, 1.0) for text in given[: len(some)]], questions)
    values = measurement.values()
    assert values["exact"] == pytest.approx(2 / 5)
    assert values["f1_bag"] == pytest.approx((1 + 2 / 3 + 0 + 1 + 0) / 5)
    assert values["HasAns_exact"] == pytest.approx(1 / 3)
    assert values["HasAns_f1"] == pytest.approx((1 + 2 / 3) / 3)
    assert (values["NoAns_exact"], values["NoAns_f1"]) == (0.5, 0.5)
    low, high = measurement.interval("NoAns_f1")
    assert 0 <= low < high <= 1
    assert measurement.baselines == {"always 'red apple'": {"exact": 0.4, "f1_substring": 0.4, "f1_bag": 0.4}}
    nothing = measure_answers(lambda some: [Answer("", 1.0)] * len(some), questions[2:])
    assert nothing.baselines["always no answer"]["f1_bag"] == pytest.approx(2 / 3)
    assert nothing.values()["f1_bag"] == pytest.approx(2 / 3)
    # Where all have an answer, nothing is said apart.
    assert set(measure_answers(lambda some: [Answer("", 1.0)] * len(some), questions[:3]).scores) == {
        "exact", "f1_substring", "f1_bag", "calibration_error",
    }  # fmt: skip


def test_the_threshold_by_hand() -> None:
    odds, worth = np.array([1.0, -2.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.5, 0.0])
    unanswerable = np.array([True, False, False, True])
    # Answering none: 2 of 4; that of -2 alone: 3; and -1: 2; and 0: 2.5; all: 1.5.
    assert best_threshold(odds, worth, unanswerable) == (-1.5, 0.75)
    assert best_threshold(odds, 0 * worth, unanswerable) == (-3.0, 0.5)
    assert best_threshold(odds, worth + 1, unanswerable & False) == (2.0, 1.375)
    # Equal odds are answered together or not at all.
    assert best_threshold(np.zeros(2), np.array([1.0, 0.0]), np.array([False, True])) == (-1.0, 0.5)


def find_best_thresh(scores: dict[int, float], odds: dict[int, float], has_answer: dict[int, bool]) -> float:
    """SQuAD 2.0's find_best_thresh: the best score; every prediction is some text."""
    current = best = float(sum(not answerable for answerable in has_answer.values()))
    for number in sorted(odds, key=lambda number: odds[number]):
        current += scores[number] if has_answer[number] else -1
        best = max(best, current)
    return best / len(scores)


def test_the_threshold_is_that_of_squads_script() -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        count = int(rng.integers(1, 12))
        odds, unanswerable = rng.normal(size=count), rng.random(count) < 0.4
        worth = np.where(unanswerable, 0.0, rng.random(count).round(1))
        threshold, best = best_threshold(odds, worth, unanswerable)
        script = find_best_thresh(
            *(dict(enumerate(values.tolist())) for values in (worth, odds, ~unanswerable))
        )
        assert best == pytest.approx(script)
        # What it promises is what answering by it gives.
        withheld = odds > threshold
        assert best == pytest.approx(np.where(withheld, unanswerable, worth).mean())


def test_the_score_of_no_answer_by_hand() -> None:
    scores = np.array([[0.0, math.log(3)], [-1e4, -1e4]], np.float32)
    span = Answer("apple", 0.75, 4, 9, "The apple.", (("apple", 0.75), ("red", 0.25)))
    # Weights 1, 3 and 4 for none: it has half of all, the spans share the other half.
    both = SpanOrNone.of(span, scores, math.log(4))
    assert both.odds == pytest.approx(math.log(4 / 3), rel=1e-6)
    none, kept = both.decided(0.28), both.decided(0.29)
    assert (none.text, none.start, none.probability) == ("", None, pytest.approx(0.5))
    assert [piece for piece, _ in none.candidates] == ["", "apple", "red"]
    assert (kept.text, kept.start, kept.probability) == ("apple", 4, pytest.approx(0.375))
    assert [piece for piece, _ in kept.candidates] == ["apple", "", "red"]
    assert sum(share for _, share in kept.candidates) == pytest.approx(1)
    assert SpanOrNone.of(span, scores, -1e4).decided(0).probability == pytest.approx(0.75)


@pytest.fixture(scope="module")
def with_none(questions: list[Question]) -> list[Question]:
    """24 questions, each second about another text, which does not answer it."""
    half = [
        replace(question, answers=NO_ANSWER, starts=(), text="天氣很好,大家都去海邊看船。")
        for question in questions[1:24:2]
    ]
    return [question for pair in zip(questions[:24:2], half, strict=True) for question in pair]


@pytest.fixture(scope="module")
def reader(with_none: list[Question], settings: SpanReaderSettings) -> SpanReader:
    """A reader that knows them by heart."""
    return learnt(with_none, settings)


def test_a_reader_of_such_questions_learns_to_abstain(reader: SpanReader, with_none: list[Question]) -> None:
    assert reader.settings.no_answer
    assert [answer.text for answer in reader.predict(with_none)] == [item.answers[0] for item in with_none]
    assert [metric.name for metric in reader.metrics][-1] == "NoAns_f1"
    values = reader.measure(with_none).values()
    assert values["NoAns_f1"] == values["HasAns_f1"] == 1
    losses = reader.losses(reader.prepare(with_none, training=False))
    assert losses.max() < 0.1
    assert reader.losses(reader.prepare(with_none[1:2], training=False), 3).isfinite().all()
    # The lens explains the best span, whatever the reader says of it.
    probe = reader.probe(with_none[1])
    assert probe.answer.text
    assert probe.head.answers(probe.head.output)[0].text == probe.answer.text
    assert sum(len(samples.examples) for samples in reader.samples(with_none)) == 12


def test_the_threshold_is_chosen_on_the_dev_set(reader: SpanReader, with_none: list[Question]) -> None:
    before = reader.settings
    sentence = reader.calibrate(with_none)
    threshold = reader.settings.no_answer_threshold
    assert f"above {threshold:.2f}, chosen by these 24 questions (50.0% unanswerable; F1 100%)" in sentence
    assert reader.predict(with_none)[1].text == ""
    # Where all are answered it never abstains, and where none is it always does.
    reader.calibrate(with_none[::2])
    assert all(answer.text for answer in reader.predict(with_none[::2]))
    reader.calibrate(with_none[1::2])
    assert not any(answer.text for answer in reader.predict(with_none[1::2]))
    reader.settings = before


def test_one_that_always_answers_leaves_them_out_and_has_no_threshold(
    questions: list[Question], with_none: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions, settings, seed=3)
    assert "null_score" not in " ".join(reader.state_dict())
    assert "No answer" not in reader.calibrate(with_none)
    assert len(reader.prepare(with_none, training=True)) == 12
    (example,) = reader.prepare(with_none[1:2], training=False)
    assert reader.unlearnable(example) == "the text has no answer, and this reader always gives one"


def test_a_batch_without_any_answer_has_a_loss_and_windows(
    with_none: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(with_none, replace(settings, window=8), seed=3)
    examples = reader.prepare(with_none[1::2], training=True)
    loss = reader.loss(reader.collate(examples))[0]
    loss.backward()
    assert loss.isfinite()
    rng = random.Random(0)
    starts = set()
    for _ in range(20):
        window = reader.crop(examples[0], rng)
        assert (window.length, window.first) == (8, -1)
        starts.add(window.text.words.tobytes())
    assert len(starts) > 1
