"""The probabilities of answers: one temperature, fitted by `calibrate`, which changes no answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from keepgate.data.questions import NO_ANSWER, Question
from keepgate.tasks.span import reader as span_reader
from keepgate.tasks.span import scored
from keepgate.tasks.span.reader import SpanReader
from keepgate.tasks.span.scored import ScoredQuestion
from keepgate.tasks.span.settings import SpanReaderSettings
from keepgate.wording import percent
from tests.tasks.span.by_heart import learnt

ELSEWHERE = "天氣很好,大家都去海邊看船。"


def sharpen(reader: SpanReader, times: float) -> None:
    """All scores, so many times."""
    network = reader.network
    scoring = [network.start_pointer, network.end_pointer, network.from_start, network.size_by_question]
    with torch.no_grad():
        for part in [*scoring, network.null_score]:
            for weight in () if part is None else part.parameters():
                weight *= times
        network.size *= times


@pytest.mark.parametrize("no_answer", [False, True])
def test_a_sharpened_reader_is_calibrated_and_answers_as_before(
    no_answer: bool, questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions, replace(settings, no_answer=no_answer), seed=0)
    sharpen(reader, 150)
    rng = np.random.default_rng(0)
    # As often right as it says.
    answers = [
        answer.text if rng.random() < answer.probability else "又" for answer in reader.predict(questions)
    ]
    asked = [
        replace(question, answers=(answer,), starts=(None,))
        for question, answer in zip(questions, answers, strict=True)
    ]
    sharpen(reader, 5)
    sentence = reader.calibrate(asked)
    calibrated = reader.settings
    calm, after = reader.predict(asked), reader.measure(asked).values()["calibration_error"]
    reader.settings = replace(calibrated, temperature=1.0)
    sure, before = reader.predict(asked), reader.measure(asked).values()["calibration_error"]
    assert calibrated.temperature == pytest.approx(5, rel=0.3)
    assert after < before / 2
    assert "calibrated on these 120 questions: temperature" in sentence
    assert f"calibration error {percent(before)} before and {percent(after)} after" in sentence
    assert [(answer.text, answer.start) for answer in calm] == [
        (answer.text, answer.start) for answer in sure
    ]
    reader.settings = replace(calibrated, no_answer_threshold=1e9)
    # The lens speaks of the same probabilities, among spans alone.
    probe = reader.probe(questions[0])
    probability = float(probe.head.probabilities(probe.head.output)[0])
    assert probability == pytest.approx(probe.answer.probability, rel=1e-4)
    assert probability == pytest.approx(
        float(probe.head.margins(probe.head.output.double())[0].sigmoid()), rel=1e-4
    )


def test_probabilities_are_the_softmax_of_all_scores_over_the_temperature(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    none = replace(questions[1], answers=NO_ANSWER, starts=(), text=ELSEWHERE)
    reader = SpanReader.build([questions[0], none], replace(settings, temperature=2.0), seed=1)
    (item,) = reader._scored(questions[:1], 1)
    assert item.null is not None
    weights = np.exp(np.append(item.span.ravel(), item.null).astype(np.float64) / 2)
    shares = dict(zip(range(len(weights)), weights / weights.sum(), strict=True))
    places = {start: token for token, start in enumerate(item.tokens.starts)}
    ends = {end: token for token, end in enumerate(item.tokens.ends)}
    for decided in (-1e9, 1e9):
        reader.settings = replace(reader.settings, no_answer_threshold=decided)
        (answer,) = reader.predict(questions[:1])
        if answer.start is None:
            assert answer.probability == pytest.approx(shares[item.span.size], rel=1e-5)
        else:
            first, last = places[answer.start], ends[answer.end]
            number = first * item.span.shape[1] + last - first
            assert answer.probability == pytest.approx(shares[number], rel=1e-5)


def test_a_reader_that_is_always_right_keeps_its_temperature(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = learnt(questions[:12], settings)
    many = questions[:12] * 5
    assert reader.calibrate(many) == (
        "Probabilities are left as they are: no temperature fits these 60 questions best, for the model is right in "
        "all of them."
    )
    wrong = [replace(question, answers=("又",), starts=(None,)) for question in many]
    assert "for its scores do not tell what is right in them" in reader.calibrate(wrong)
    assert reader.settings == settings


def test_a_temperature_is_not_fitted_to_a_handful(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions[:12], settings, seed=0)
    right = reader.predict(questions[:1])[0].text
    asked = [replace(questions[0], answers=(right,), starts=(None,)), *questions[1:12]]
    assert "not calibrated: that takes at least 50 questions (given: 12)" in reader.calibrate(asked)
    assert reader.settings == settings


def test_no_more_scores_are_held_than_the_temperature_is_fitted_to(
    questions: list[Question], settings: SpanReaderSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples: list[list[ScoredQuestion]] = []
    monkeypatch.setattr(scored, "QUESTIONS_CALIBRATED", 6)
    monkeypatch.setattr(
        span_reader, "fit_temperature", lambda items, *_: (samples.append(items), (1.0, ""))[1]
    )
    SpanReader.build(questions[:12], settings, seed=0).calibrate(questions[:12])
    (sample,) = samples
    assert len(sample) == 6
    assert all(item.span.base is None for item in sample)
