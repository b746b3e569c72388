"""Which tokens carry an answer, proven: the answer without each one's write, from the true network run again."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingsError
from ..tasks.answer import Answer
from .answers import influence_on, outputs_without
from .gradient import gradients_of, walk
from .reading import Reading
from .seen import adopt

# So many writes are dropped one by one; of a longer text those that influence the answer most, to first order.
TRIED = 512


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """One token and what the answer would be, had its write been left out.

    share: of the answer's probability, by how much it falls; below 0 if the answer is likelier without the token.
    """

    step: int
    token: str
    share: float
    without: Answer


def carriers(reading: Reading, *, tried: int = TRIED) -> tuple[Carrier, ...]:
    """The tokens by how much the answer's probability falls without their writes, the most first.

    tried: how many writes are dropped, one by one. Of a text with more tokens, those with the most influence.
    Raises CellError for a plain RNN, whose states are no sums of writes: see `sensitivity`.
    """
    if tried < 1:
        raise SettingsError(f"tried is {tried}; drop one write or more")
    steps: Sequence[int] = range(len(reading.tokens))
    if len(steps) > tried:
        steps = influence_on(reading).abs().topk(tried).indices.sort().values.tolist()
    return proven(reading, steps)


def proven(reading: Reading, steps: Sequence[int]) -> tuple[Carrier, ...]:
    """The same for these tokens alone. Raises ShapeError for one that there is not, and as `carriers` does."""
    answers: list[Answer] = []
    likely: list[float] = []
    with torch.no_grad():
        given = float(reading.head.probabilities(reading.trace.output)[0])
        for output in outputs_without(reading, steps):
            answers += reading.head.answers(output)
            likely += reading.head.probabilities(output).tolist()
    found = [
        Carrier(step=step, token=reading.tokens.texts[step], share=1 - left / given, without=answer)
        for step, left, answer in zip(steps, likely, answers, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.share))


def sensitivity(reading: Reading) -> Float[Tensor, " tokens"]:
    """How much what speaks for the answer would change with the last layer's states after each token: |d margin / d h|.

    For any cell, a plain RNN too: all its states together, both directions, in float64. From one backward pass.
    """
    seen = reading.seen
    exact = adopt(seen.layer).double()
    initial = tuple(state.double() for state in seen.initial)
    states, output = walk(
        exact, seen.x.double(), initial if len(initial) > 1 else initial[0], torch.tensor([len(seen.x)]), 1
    )
    with torch.enable_grad():
        value = reading.head.margin(output)
    total = torch.zeros(len(seen.x), dtype=torch.float64)
    last = seen.layer.directions
    for part, found in zip(seen.trace.layers[-last:], gradients_of(value, states)[-last:], strict=True):
        length = torch.stack([torch.cat([each[0] for each in step]).norm() for step in found])
        total += (length.flip(0) if part.reverse else length) ** 2
    return total.sqrt()
