"""Items of a task in batches of similar length, each row's loss given all of its text or only its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..data.questions import Question
from ..data.text import tokenize
from ..errors import SettingsError

# Items and tokens that are run at once.
ROWS, TOKENS = 64, 65_536


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskSamples:
    """A batch of examples of a task, for `keepgate.lens.examine`.

    lengths: tokens of each text. needed: how many tokens back from a text's end lies what is asked for.
    tail: tokens of a question that is read after the text; they always stay. located: whether `needed` is known, and
    not only the whole text.
    """

    task: Any
    examples: Sequence[Any]
    lengths: Int[Tensor, " rows"]
    needed: Int[Tensor, " rows"]
    tail: Int[Tensor, " rows"]
    located: bool

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        """Each row's loss, in nats, given the last so many tokens of its text; None gives all."""
        losses: Tensor = self.task.losses(self.examples, last)
        return losses

    def first(self, rows: int) -> "TaskSamples":
        """The first so many of these rows."""
        parts = {name: getattr(self, name)[:rows] for name in ("examples", "lengths", "needed", "tail")}
        return replace(self, **parts)


def samples_of(
    task: Any,
    items: Sequence[Any],
    learnable: str,
    *,
    needed: Callable[[Any], int] | None = None,
    tail: Callable[[Any], int] = lambda _: 0,
) -> list[TaskSamples]:
    """The items that can be learnt from, in batches of similar length, the longest first.

    needed: of an item, see `TaskSamples`; None is the whole text. tail: of an example.
    Raises SettingsError if there is no such item; `learnable` says what they would be ("texts has a label").
    """
    examples = task.prepare(items, training=False)
    places = [place for place, example in enumerate(examples) if task.unlearnable(example) is None]
    if not places:
        raise SettingsError(
            f"none of the {len(examples)} {learnable} that this model can give; examine it with data of the kind that "
            "it was trained on"
        )
    places.sort(key=lambda place: -examples[place].length)
    batches = []
    while places:
        size = max(1, min(ROWS, TOKENS // max(1, examples[places[0]].length)))
        rows, places = places[:size], places[size:]
        lengths = torch.tensor([len(examples[row].text) for row in rows])
        batches.append(
            TaskSamples(
                task=task,
                examples=[examples[row] for row in rows],
                lengths=lengths,
                needed=lengths if needed is None else torch.tensor([needed(items[row]) for row in rows]),
                tail=torch.tensor([tail(examples[row]) for row in rows]),
                located=needed is not None,
            )
        )
    return batches


def steps_back(question: Question) -> int:
    """Tokens from the text's end back to a question's evidence: its facts, else its answer, else the whole text."""
    places = [start for start, _ in question.facts] or [
        start for start in question.starts if start is not None
    ]
    return sum(end > min(places, default=0) for end in tokenize(question.text).ends)
