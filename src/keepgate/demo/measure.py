"""What a network can do and why: accuracy by length, the article's answer, the gradient by lag, the gates."""

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ..lens.gradient import gradient_by_lag
from ..lens.view import movement, view
from ..nn import Recurrent
from ..tasks.answer import Answer
from ..tasks.reader import ChoiceReader
from .result import GradientLine, Strip
from .stories import article, names_of, stories
from .story_templates import Language

L = TypeVar("L", int, int | None)

# The test stories are the same for every network and seed.
TEST_SEED = 2_000_000
# The article's sentence is put before a story of so many characters, question included.
ARTICLE_LENGTH = 1000
# The gradient is followed so many characters back, over the mean of so many stories.
FURTHEST, ROWS = 300, 16


def accuracy(
    task: ChoiceReader, lengths: Sequence[L], *, count: int, facts: int = 1, language: Language = "zh"
) -> dict[L, float]:
    """Share of right answers, 0 to 1, to so many new stories of each length in characters; as `stories` takes it."""
    found = {}
    for length in lengths:
        asked = stories(count, length, seed=TEST_SEED, split="test", facts=facts, language=language)
        chosen = task.probabilities(asked).argmax(1).tolist()
        right = [task.choices[k] == one.answers[0] for k, one in zip(chosen, asked, strict=True)]
        found[length] = sum(right) / len(right) if right else math.nan
    return found


def article_answer(task: ChoiceReader) -> Answer:
    """The answer to 是誰想要成為海賊王?, the article's sentence standing before a long story."""
    (answer,) = task.answer([article(ARTICLE_LENGTH)])
    return answer


def scale_recurrence(task: ChoiceReader, factor: float) -> None:
    """Multiplies the recurrent weights, in place."""
    with torch.no_grad():
        for name, weight in task.encoder.layer.named_parameters():
            if name.startswith("weight_hh"):
                weight.mul_(factor)


def gradient_line(task: ChoiceReader, furthest: int = FURTHEST, rows: int = ROWS) -> GradientLine | None:
    """The gradient of the loss at the states so many characters back; None for a network without states.

    The loss is the one it is trained on, over test stories of furthest + 2 characters and more.
    """
    layer = task.encoder.layer
    if not isinstance(layer, Recurrent):
        return None
    questions = stories(rows, furthest + 10, seed=TEST_SEED + 1, split="test")
    batch = task.collate(task.prepare(questions, training=True))
    readout, targets = task.readout, batch.targets
    assert targets is not None

    def loss(output: Tensor) -> Tensor:
        scores = torch.nn.functional.linear(output, readout.weight.double(), readout.bias.double())
        return torch.nn.functional.cross_entropy(scores, targets, reduction="sum")

    with torch.no_grad():
        x = task.encoder.embedding(batch.text)
    values = gradient_by_lag(layer, x, loss=loss, furthest=furthest)
    return GradientLine(lags=tuple(range(furthest + 1)), values=tuple(values.tolist()))


def strip(task: ChoiceReader) -> Strip | None:
    """Gates and changes of state over the article's sentence; None for a network without gates."""
    if not isinstance(task.encoder.layer, Recurrent):
        return None
    question = article()
    seen = view(task, question)
    (layer,) = seen.trace.layers
    last = len(question.text)
    gates = [name for name in layer.cell.gates if name in layer.names and name not in ("g", "n")]
    return Strip(
        tokens=seen.tokens[:last],
        gates={name: tuple(layer[name][:last, 0].mean(1).tolist()) for name in gates},
        change={state: tuple(movement(layer, state)[:last, 0].tolist()) for state in layer.cell.states},
    )


def pace(task: ChoiceReader) -> dict[str, float]:
    """How far each state moves at a step, relative to its size: the mean over the long story after the sentence.

    By state; empty for a network without states.
    """
    if not isinstance(task.encoder.layer, Recurrent):
        return {}
    question = article(ARTICLE_LENGTH)
    (layer,) = view(task, question).trace.layers
    told = slice(question.facts[0][1], len(question.text))
    return {state: float(movement(layer, state)[told, 0].mean()) for state in layer.cell.states}


def chance() -> float:
    """How often a guess is right."""
    return 1 / len(names_of())
