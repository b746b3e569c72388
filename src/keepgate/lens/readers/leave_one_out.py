"""Which tokens carry an answer, proven: the answer without each one's write, from the true network run again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch

from ...errors import SettingsError
from ...tasks.answer import Answer
from ..compact_repr import compact_repr
from .answer_ablation import LAST, answer_influence, outputs_without
from .reading import Reading, outputs_of_shorter_texts

# So many writes are dropped one by one; of a longer text those that influence the answer most, to first order.
TRIED = 512


@dataclass(frozen=True, kw_only=True)
class TokenEffect:
    """One token and what the answer would be, had its write been left out.

    probability_drop: the share by which the answer's probability falls; below 0 if it is likelier without the token.
    """

    step: int
    token: str
    probability_drop: float
    without: Answer

    __repr__ = compact_repr


def token_effects(
    reading: Reading, *, tried: int = TRIED, layers: Collection[int] | None = LAST
) -> tuple[TokenEffect, ...]:
    """The tokens by how much the answer's probability falls without their writes, the most first.

    tried: how many writes are dropped, one by one. Of a text with more tokens, those with the most influence, which can
           miss the one that decides; `search` goes down from stretches and sentences instead.
    layers: in which layers, see `answers_without`; None is all of them.
    Raises CellError for a plain RNN, whose states are no sums of writes: see `sensitivity`.
    """
    if tried < 1:
        raise SettingsError(f"tried is {tried}; drop one write or more")
    steps: Sequence[int] = range(len(reading.tokens))
    if len(steps) > tried:
        steps = answer_influence(reading).abs().topk(tried).indices.sort().values.tolist()
    return leave_one_out_effects(reading, steps, layers=layers)


def leave_one_out_effects(
    reading: Reading, steps: Sequence[int], *, layers: Collection[int] | None = LAST
) -> tuple[TokenEffect, ...]:
    """The same for these tokens alone, deleted from the text where the task can read what is left.

    Raises ShapeError for a token that there is not, and as `token_effects` does.
    """
    answers: list[Answer] = []
    likely: list[float] = []
    with torch.no_grad():
        given = float(reading.head.probabilities(reading.trace.output)[0])
        for output in (
            outputs_without(reading, steps, layers=layers)
            if reading.without is None
            else outputs_of_shorter_texts(reading, [(step, step + 1) for step in steps])
        ):
            answers += reading.head.answers(output)
            likely += reading.head.probabilities(output).tolist()
    found = [
        TokenEffect(
            step=step, token=reading.tokens.texts[step], probability_drop=1 - left / given, without=answer
        )
        for step, left, answer in zip(steps, likely, answers, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.probability_drop))
