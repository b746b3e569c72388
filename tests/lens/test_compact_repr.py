"""Compact repr: one line that names each field of a result, however many numbers are inside."""

import pytest
import torch

import keepgate
from keepgate import lens
from keepgate.data.questions import Question
from keepgate.lens import read
from keepgate.lens.compact_repr import compact_repr
from tests.lens.looks import KINDS
from tests.lens.readers import QUESTIONS, reader


@pytest.fixture(scope="module")
def everything():
    task = reader(**KINDS[0])
    question = Question(text="魯夫說他想成為海賊王。" * 20, question="是誰想要成為海賊王?", answers=("魯夫",))
    reading = lens.read(task, question)
    layer = reading.trace.layers[-1]
    found = lens.explain(task, question.text, question.question)
    return [
        reading, reading.layer_run, read(task, question), lens.memory.write_retention(layer, 1),
        lens.memory.memory_updates(layer),         lens.interventions.counterfactual(reading.layer_run, no_write=[1]),
        *found.direction_summaries, *found.token_effects[:1], *found.sentence_effects[:1],
        *lens.memory.saturation(layer).values(),
    ]  # fmt: skip


def test_a_result_is_one_short_line_that_names_its_fields(everything):
    for found in everything:
        line = repr(found)
        assert line == compact_repr(found)
        assert line.startswith(f"{type(found).__name__}(")
        assert "\n" not in line
        assert "tensor(" not in line
        assert len(line) < 1200
        for name in type(found).__dataclass_fields__:
            assert f"{name}=" in line


def test_numbers_are_told_by_their_extent():
    left, erased, none = torch.tensor([0.0, 1.0, 0.25]), torch.full((3,), 0.1), torch.zeros(0)
    assert repr(lens.memory.WriteRetention(step=1, size=2 / 3, retained=left, forgotten=erased)) == (
        "WriteRetention(step=1, size=0.6667, retained=[3] 0 to 1, forgotten=[3] 0.1 to 0.1)"
    )
    assert repr(lens.memory.Saturation(closed=none, open=none)) == "Saturation(closed=[0], open=[0])"
    assert "[3] 0.5 to 0.75" in repr(
        lens.memory.Saturation(closed=torch.tensor([torch.nan, 0.5, 0.75]), open=left)
    )
    assert "[3] nan" in repr(lens.memory.Saturation(closed=torch.full((3,), torch.nan), open=left))


def test_the_middle_of_a_long_row_and_of_a_long_text_is_left_out():
    found = lens.diagnosis.Horizon(
        steps=9, interval=(8, 9), contexts=tuple(range(1, 30)), gap=torch.ones(29), loss=0.1, epsilon=0.05
    )
    assert "contexts=(1, 2, 3, … 29)" in repr(found)
    told = lens.read(reader(**KINDS[0]), Question(text="魯夫說他想成為海賊王。" * 9, question="誰?"))
    assert "魯夫說他想成為海賊王。魯夫說他想…" in repr(told)


def test_a_report_and_an_explanation_show_what_printing_them_shows():
    report = lens.examine(reader(**KINDS[0]), QUESTIONS[:4])
    assert repr(report) == str(report)
    layer = keepgate.LSTM(2, 3)
    explained = keepgate.explain_kernels(layer, torch.zeros(4, 1, 2))
    assert repr(explained) == str(explained)
    assert "layer 0, forward: " in repr(explained)
