"""Questions as what a choice reader is examined with: its loss on the right choice, given the end of each text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...data.questions import Question
from ...data.text import tokenize
from ..samples import in_batches, steps_back

if TYPE_CHECKING:
    from .reader import ChoiceReader


@dataclass(frozen=True, kw_only=True, eq=False)
class ChoiceSamples:
    """Some questions. tail: tokens of each question that follow the text; they always stay."""

    task: "ChoiceReader"
    examples: Sequence[Any]
    tail: Int[Tensor, " rows"]
    needed: Int[Tensor, " rows"]

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        return torch.tensor([len(each.text) for each in self.examples]) - self.tail

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        begins = torch.zeros_like(self.tail) if last is None else (self.lengths - last).clamp(min=0)
        cut = [
            replace(each, text=each.text[begin:])
            for each, begin in zip(self.examples, begins.tolist(), strict=True)
        ]
        batch = self.task.collate(cut).to(self.task.readout.weight.device)
        assert batch.targets is not None
        return cross_entropy(self.task(batch), batch.targets, reduction="none")

    def first(self, rows: int) -> "ChoiceSamples":
        return replace(self, examples=self.examples[:rows], tail=self.tail[:rows], needed=self.needed[:rows])


def samples_of(task: "ChoiceReader", questions: Sequence[Question]) -> list[ChoiceSamples]:
    """The questions in batches. Raises SettingsError if none has an answer among the choices."""
    examples = task.prepare(questions, training=False)

    def make(rows: list[int]) -> ChoiceSamples:
        apart = task.attention is not None
        tail = [0 if apart else len(tokenize(questions[row].question)) for row in rows]
        needed = [steps_back(questions[row], tokenize(questions[row].text)) for row in rows]
        return ChoiceSamples(
            task=task,
            examples=[examples[row] for row in rows],
            tail=torch.tensor(tail),
            needed=torch.tensor(needed),
        )

    return in_batches(examples, lambda each: each.target is not None, make, "questions has an answer")
