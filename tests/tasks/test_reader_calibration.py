"""Choice and pointer readers that are too sure are calibrated by one temperature, which changes no answer."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from keepgate.data.questions import Question
from keepgate.tasks.answer import Answer
from keepgate.tasks.calibration import divide
from tests.train.test_readers import NAMES, QUESTIONS, reader

ASKED = [
    replace(question, text=question.text.replace("今天", f"第{day}天"))
    for day in range(12)
    for question in QUESTIONS
]


def drawn(answer: Answer, draw: float) -> str:
    """An answer by the probabilities of the candidates, else another name."""
    for text, probability in answer.candidates:
        draw -= probability
        if draw < 0:
            return text
    return next(name for name in NAMES if name not in dict(answer.candidates))


def best(task: Any, asked: list[Question]) -> list[str]:
    """The answers, of a pointer reader those that it would give if it had to."""
    if task.kind == "pointer-reader":
        return [each.span.text for each in task._undecided(asked, 64)]
    return [answer.text for answer in task.predict(asked)]


@pytest.mark.parametrize("kind", ["choice-reader", "pointer-reader"])
def test_a_reader_that_is_too_sure_is_calibrated_and_answers_as_before(kind: str) -> None:
    task = reader(kind)
    readouts = [task.readout] if kind == "choice-reader" else [task.network.ends, task.network.none]
    divide(1 / 20, *readouts)
    rng = np.random.default_rng(0)
    answers = [drawn(answer, rng.random()) for answer in task.predict(ASKED)]
    asked = [
        replace(question, answers=(answer,), starts=(None,))
        for question, answer in zip(ASKED, answers, strict=True)
    ]
    divide(1 / 6, *readouts)
    error, before = task.measure(asked).values()["calibration_error"], best(task, asked)
    assert "Probabilities are calibrated on these 180 questions" in task.calibrate(asked)
    assert task.measure(asked).values()["calibration_error"] < error / 2
    assert best(task, asked) == before
    assert "not calibrated: that takes at least 50 questions" in task.calibrate(asked[:12])
