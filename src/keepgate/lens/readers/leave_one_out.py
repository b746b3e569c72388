"""Leave-one-out effects of tokens: the answer without each token, from the network run again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...tasks.answer import Answer
from ..compact_repr import compact_repr
from .answer_ablation import answer_influence, removed_outputs
from .gradient_saliency import saliency
from .reading import Reading, of_reading

# Ablations of one text; of a longer text, the writes that influence the answer most, to first order.
MAX_ABLATIONS = 512


@dataclass(frozen=True, kw_only=True)
class TokenEffect:
    """Effect of leaving one token out: the answer without it.

    probability_drop: the share by which the answer's probability falls; below 0 if it is likelier without the token.
    change: of an answer that is a number, by how much it would be another; None for others.
    """

    step: int
    token: str
    probability_drop: float
    without: Answer
    change: float | None = None

    __repr__ = compact_repr


@of_reading
def token_effects(reading: Reading, steps: Sequence[int] | None = None) -> tuple[TokenEffect, ...]:
    """Leave-one-out effects of tokens, largest drop first. Each is left out whole, of all layers (`remove_tokens`).

    steps: the tokens' numbers. None is all of them; of a text with more than `MAX_ABLATIONS`, those with the most
           influence, which can miss the one that decides: `hierarchical_search` goes down from sentences instead.
    Raises ShapeError for a token out of range.
    """
    if steps is None:
        steps = range(len(reading.tokens))
        if len(steps) > MAX_ABLATIONS:
            steps = most_influential(reading, MAX_ABLATIONS)
    drops = probability_drops(reading, [(step, step + 1) for step in steps])
    return largest_first(
        TokenEffect(step=step, token=reading.tokens.texts[step], probability_drop=drop, without=answer)
        for step, (drop, answer) in zip(steps, drops, strict=True)
    )


@torch.no_grad()
def probability_drops(reading: Reading, spans: Sequence[tuple[int, int]]) -> list[tuple[float, Answer]]:
    """For each span of tokens, the share by which the answer's probability falls without it, and the answer then.

    The span is deleted from the text where the task can read the remaining text (`Probe.without`); else the reading
    layer passes it by.
    """
    head, without = reading.head, reading.without
    outputs = (
        removed_outputs(reading, spans)
        if without is None
        else (reading.layer_run.layer(without(range(start, end)))[0] for start, end in spans)
    )
    base = float(head.probabilities(reading.trace.output)[0])
    drops: list[tuple[float, Answer]] = []
    for output in outputs:
        probabilities = head.probabilities(output).tolist()
        drops += zip(
            [1 - probability / base for probability in probabilities], head.answers(output), strict=True
        )
    return drops


def most_influential(reading: Reading, count: int, span: tuple[int, int] | None = None) -> list[int]:
    """The tokens of most influence on the answer to first order: that of their writes, of a plain RNN its states'.

    span: the tokens [start, end) that they are chosen among; None is all. At most `count`, in the order of the text.
    """
    additive = reading.layer_run.layer.cell.additive
    influence = answer_influence(reading).abs() if additive else saliency(reading)
    start, end = span or (0, len(influence))
    steps = start + influence[start:end].topk(min(count, end - start)).indices
    return sorted(steps.tolist())


def largest_first(effects: Iterable[Any]) -> tuple[Any, ...]:
    """Effects of tokens or spans, largest first: drop of the answer's probability, or change of a number."""

    def size(effect: Any) -> float:
        return float(effect.probability_drop if effect.change is None else abs(effect.change))

    return tuple(sorted(effects, key=size, reverse=True))
