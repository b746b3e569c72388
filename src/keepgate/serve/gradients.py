"""Gradient against lag, had a network other biases or recurrent weights: a copy is changed, never the network."""

import copy
from collections.abc import Iterable
from functools import cache

import torch

from ..data.questions import Question
from ..data.text import sentence_around, words
from ..demo.stories import pirate_king_story
from ..demo.story_templates import Language
from ..lens import read
from ..lens.gradients import decay_length, explodes, gone_after, gradient_of_run
from ..nn import Recurrent
from ..tasks.task import Task
from .models import Model, layer_of
from .replies import Plain, plain, rounded

# Fact, question and a few sentences, in characters; in both languages such a story can be told.
SHORTEST = 200


def lines(models: Iterable[Model], *, forget_bias: float, recurrent_scale: float, lags: int) -> Plain:
    """How much of what an answer teaches reaches the states so many tokens earlier, for each network so changed.

    On the article's story, told in the model's language, or in that of which it knows more.
    """
    found: list[Plain] = []
    opening = ""
    for model in models:
        asked = story(model.told, lags)
        opening = opening or asked.text[: sentence_around(asked.text, 0, 1)[1]]
        task = changed(model.task, forget_bias=forget_bias, recurrent_scale=recurrent_scale)
        values = gradient(task, asked, lags)
        decay = decay_length(values)
        found.append(
            {
                "model": model.id,
                "values": plain(values),
                "gone": gone_after(values),
                "decay": rounded(decay),
                "explodes": explodes(values),
                "has_bias": model.layer.cell.retain_gate is not None,
            }
        )
    return {"lags": list(range(lags + 1)), "lines": found, "story": opening}


def changed(task: Task, *, forget_bias: float, recurrent_scale: float) -> Task:
    """A copy with something added to the bias of the gate that keeps, and its recurrent weights multiplied.

    A cell without such a gate has no such bias, and only the second is done.
    """
    task = copy.deepcopy(task)
    layer = layer_of(task)
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            if name.startswith("weight_hh"):
                weight.mul_(recurrent_scale)
            elif name.startswith("bias_ih"):
                _add_to_keeping(layer, weight, forget_bias)
    return task


def gradient(task: Task, question: Question, lags: int) -> torch.Tensor:
    """The gradient of what speaks for the answer, by lag, relative to lag 0; of all states together, in float64."""
    reading = read(task, question)
    with torch.enable_grad():
        output = reading.trace.output.double().requires_grad_()
        (reached,) = torch.autograd.grad(reading.head.margin(output), output)
    return gradient_of_run(reading.seen, reached, furthest=lags)


@cache
def story(language: Language, tokens: int) -> Question:
    """The article's story in a language, of more than so many tokens."""
    characters = tokens + SHORTEST
    while True:
        found = pirate_king_story(characters, language=language)
        if len(words(found.text)) > tokens:
            return found
        characters += characters // 2


def _add_to_keeping(layer: Recurrent, bias: torch.Tensor, value: float) -> None:
    gates, keeps = layer.cell.gates, layer.cell.retain_gate
    if keeps in gates:
        bias.chunk(len(gates))[gates.index(keeps)].add_(value)
