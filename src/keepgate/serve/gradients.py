"""Gradient against lag of a copy of a network with another forget bias and scaled recurrent weights."""

import copy
from collections.abc import Iterable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.labelled import LabelledText
from ..data.questions import Question
from ..data.text import sentence_around, words
from ..demo.measure import scale_weights
from ..demo.stories import pirate_king_story
from ..demo.story_templates import Language
from ..lens import read
from ..lens.gradients import explodes, gradient_of_run, vanishing_lag
from ..lens.thresholds import EXPLODED
from ..tasks.task import Task
from .models import Model
from .network import layer_of
from .serialize import JsonObject, rounded_list

# Of the gradient where it vanished, still there at the furthest lag: it fades no more.
FLAT = 0.05
# At the furthest lag so many times the gradient at the end: below, it arrives as it was, as where nearly all is kept.
GROWN = 1.1
# Fact, question and a few sentences, in characters; in both languages such a story can be told.
SHORTEST = 200


def lines(models: Iterable[Model], *, forget_bias: float, recurrent_scale: float, lags: int) -> JsonObject:
    """The gradient of the answer's margin by lag in tokens, relative to lag 0, for a changed copy of each network.

    On the pirate king's story in the model's language.
    """
    curves: list[JsonObject] = []
    opening = ""
    for model in models:
        question = story(model.story_language, lags)
        opening = opening or question.text[: sentence_around(question.text, 0, 1)[1]]
        task = changed(model.task, forget_bias=forget_bias, recurrent_scale=recurrent_scale)
        values = gradient(task, model.item(question), lags)
        curves.append(
            {
                "model": model.id,
                "values": rounded_list(values),
                "gone": vanishing_lag(values),
                "verdict": verdict(values),
            }
        )
    return {"lags": list(range(lags + 1)), "lines": curves, "story": opening}


def verdict(values: Float[Tensor, " lags"]) -> str:
    """ "explodes", "grows" on the way, "arrives", is "gone" or "flat": gone, but fading no more."""
    last, vanished = float(values[-1]), vanishing_lag(values)
    if explodes(values) and not last < GROWN:
        return "explodes" if not last < EXPLODED else "grows"
    if vanished is None:
        return "arrives"
    return "flat" if last > FLAT * float(values[vanished]) else "gone"


def changed(task: Task, *, forget_bias: float, recurrent_scale: float) -> Task:
    """A copy with `forget_bias` added to the bias of the gate that retains, and its recurrent weights scaled.

    It is subtracted from that of a gate whose complement retains, as a minGRU's. A cell without such a gate has no such
    bias, and only the second is done.
    """
    task = copy.deepcopy(task)
    layer = layer_of(task)
    scale_weights(layer, "weight_hh", recurrent_scale)
    gates, block = layer.cell.gates, layer.cell.analysis.retain_block
    if block is not None:
        name, sign = block
        with torch.no_grad():
            for parameter, bias in layer.named_parameters():
                if parameter.startswith("bias_ih"):
                    bias.chunk(len(gates))[gates.index(name)].add_(sign * forget_bias)
    return task


def gradient(task: Task, item: Question | LabelledText, lags: int) -> Float[Tensor, " lags"]:
    """The gradient of the answer's margin by lag, relative to lag 0, of all states together; in float64."""
    reading = read(task, item)
    with torch.enable_grad():
        output = reading.trace.output.double().requires_grad_()
        (reached,) = torch.autograd.grad(reading.head.margin(output), output)
    return gradient_of_run(reading.layer_run, reached, max_lag=lags)


@cache
def story(language: Language, tokens: int) -> Question:
    """The pirate king's story in a language, of more than so many tokens."""
    characters = tokens + SHORTEST
    while True:
        question = pirate_king_story(characters, language=language)
        if len(words(question.text)) > tokens:
            return question
        characters += characters // 2
