"""How good a task is now: questions answered and scored, or a measure of the caller's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import torch

from ..data.questions import Question
from ..errors import SettingsError
from ..tasks.metrics import mean_scores, score
from ..tasks.task import Task
from . import randomness
from .checkpoint import State

Dev = Sequence[Question] | Callable[[Task], Mapping[str, float]]


def evaluate(state: State, dev: Dev) -> dict[str, float]:
    """The metrics of the weights that would be kept now; the training goes on as if it had not been asked."""
    weights = {name: tensor.clone() for name, tensor in state.task.state_dict().items()}
    with randomness.untouched(), torch.no_grad():
        try:
            state.keep_average()
            state.task.eval()
            metrics = dev(state.task) if callable(dev) else measure(state.task, dev)
        finally:
            state.task.load_state_dict(weights)
            state.task.train()
    return {name: float(value) for name, value in metrics.items()}


def measure(task: Task, questions: Sequence[Question]) -> dict[str, float]:
    """Means of exact match and both F1 over the questions, 0 to 1. Raises SettingsError if there are none."""
    if not questions:
        raise SettingsError("there are no questions to evaluate on; give at least one, or leave dev out")
    answers = task.answer(questions)
    scores = [
        score(answer.text, question.answers) for answer, question in zip(answers, questions, strict=True)
    ]
    return asdict(mean_scores(scores))
