"""Measures of a network on the stories: accuracy by length, gradient by lag, gates, and state changes."""

import math
from collections.abc import Sequence
from typing import Literal, TypeVar

import torch
from torch import Tensor

from ..lens import read
from ..lens.gradients.by_lag import gradient_by_lag
from ..lens.memory import relative_state_change
from ..nn import Recurrent
from ..tasks.answer import Answer
from ..tasks.choice.reader import ChoiceReader
from .result import GradientLine, Strip
from .stories import pirate_king_story, stories
from .story_templates import Language

L = TypeVar("L", int, int | None)

# The test stories are the same for every network and seed.
TEST_SEED = 2_000_000
# The pirate king's sentence stands before a story of so many characters, question included.
PIRATE_KING_LENGTH = 1000
# The gradient is followed so many characters back, over the mean of so many stories.
FURTHEST, ROWS = 300, 16


def accuracy(
    task: ChoiceReader, lengths: Sequence[L], *, count: int, facts: int = 1, language: Language = "zh"
) -> dict[L, float]:
    """Accuracy, 0 to 1, on `count` new stories of each length in characters; arguments as `stories` takes them."""
    by_length = {}
    for length in lengths:
        questions = stories(count, length, seed=TEST_SEED, split="test", facts=facts, language=language)
        choices = task.probabilities(questions).argmax(1).tolist()
        right = [
            task.choices[k] == question.answers[0] for k, question in zip(choices, questions, strict=True)
        ]
        by_length[length] = sum(right) / len(right) if right else math.nan
    return by_length


def pirate_king_answer(task: ChoiceReader) -> Answer:
    """The answer to 是誰想要成為海賊王?, after a long story."""
    (answer,) = task.predict([pirate_king_story(PIRATE_KING_LENGTH)])
    return answer


def scale_weights(layer: torch.nn.Module, kind: Literal["weight_ih", "weight_hh"], factor: float) -> None:
    """Multiplies the input or the recurrent weights of every layer and direction, in place."""
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            if name.startswith(kind):
                weight.mul_(factor)


def gradient_line(task: ChoiceReader, furthest: int = FURTHEST, rows: int = ROWS) -> GradientLine | None:
    """The gradient of the loss with respect to the states by lag in characters; None for a network without states.

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
        x = task.encoder.inputs(batch.text)
    values = gradient_by_lag(layer, x, loss=loss, max_lag=furthest)
    return GradientLine(lags=tuple(range(furthest + 1)), values=tuple(values.tolist()))


def strip(task: ChoiceReader) -> Strip | None:
    """Gates and state changes over the pirate king's sentence; None for a network without states."""
    if not isinstance(task.encoder.layer, Recurrent):
        return None
    question = pirate_king_story()
    reading, last = read(task, question), len(question.text)
    (layer,) = reading.trace.layers
    gates = set(layer.cell.analysis.gates.values())
    return Strip(
        tokens=reading.tokens.texts[:last],
        gates={
            name: tuple(layer[name][:last, 0].mean(1).tolist()) for name in layer.cell.traced if name in gates
        },
        change={
            state: tuple(relative_state_change(layer, state)[:last, 0].tolist())
            for state in layer.cell.states
        },
    )


def state_change(task: ChoiceReader) -> dict[str, float]:
    """Each state's relative change at a step, the mean over the long story after the sentence.

    By state; empty for a network without states.
    """
    if not isinstance(task.encoder.layer, Recurrent):
        return {}
    question = pirate_king_story(PIRATE_KING_LENGTH)
    (layer,) = read(task, question).trace.layers
    story = slice(question.facts[0][1], len(question.text))
    return {state: float(relative_state_change(layer, state)[story, 0].mean()) for state in layer.cell.states}
