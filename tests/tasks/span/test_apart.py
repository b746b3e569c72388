"""A span reader taken apart: its head gives its own answers, changed or not, and what speaks for them."""

import pytest
import torch

from keepgate.data.questions import Question
from keepgate.lens import read
from keepgate.lens.readers import answer_influence, counterfactual_answer, leave_one_out_answers
from keepgate.tasks.span import SpanReader
from keepgate.tasks.span.settings import SpanReaderSettings


@pytest.fixture(scope="module")
def reader(questions: list[Question], settings: SpanReaderSettings) -> SpanReader:
    return SpanReader.build(questions, settings, seed=3)


def test_the_head_gives_the_readers_own_answer(reader: SpanReader, questions: list[Question]) -> None:
    for question in questions[:6]:
        reading = read(reader, question)
        (again,) = reading.head.answers(reading.trace.output)
        assert again.text == reading.answer.text
        assert again.probability == pytest.approx(reading.answer.probability, rel=1e-4)
        assert reading.question_start == len(reading.tokens)


def test_an_answer_without_a_token_is_the_networks_own(reader: SpanReader, questions: list[Question]) -> None:
    reading = read(reader, questions[0])
    (without,) = leave_one_out_answers(reading, [2])
    assert without.probability == pytest.approx(
        counterfactual_answer(reading, no_write=[2]).probability, rel=1e-4
    )
    several = leave_one_out_answers(reading, range(5))
    assert len(several) == 5
    assert several[2].probability == pytest.approx(without.probability, rel=1e-4)


def test_the_margin_is_the_log_of_the_odds(reader: SpanReader, questions: list[Question]) -> None:
    reading = read(reader.eval(), questions[0])
    margin = float(reading.head.margin(reading.trace.output.double()))
    batch = reader.collate(reader.prepare(questions[:1], training=False))
    with torch.no_grad():
        scores = reader.network(batch.text, batch.question).span[0, :, : reader.settings.max_answer_span]
    start, end = reading.answer.start, reading.answer.end
    first, last = (
        [
            k
            for k, (s, e) in enumerate(zip(reading.tokens.starts, reading.tokens.ends, strict=True))
            if s < end and e > start
        ][i]
        for i in (0, -1)
    )
    share = scores.flatten().softmax(0).view_as(scores)[first, last - first].double()
    assert margin == pytest.approx(float((share / (1 - share)).log()), rel=1e-3)
    influence = answer_influence(reading)
    assert influence.shape == (len(reading.tokens),)
    assert bool(influence.any())
    with pytest.raises(KeyError, match="no answer"):
        reading.head.margin(reading.trace.output.double(), "not in the text at all")
