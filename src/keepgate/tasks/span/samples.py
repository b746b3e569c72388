"""Questions as what a span reader is examined with: its loss on the right span, given the end of each text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...data.questions import Question
from ..samples import in_batches, steps_back

if TYPE_CHECKING:
    from .reader import SpanReader


@dataclass(frozen=True, kw_only=True, eq=False)
class SpanSamples:
    """Some questions. An answer out of the reader's sight costs what a guess among all spans does."""

    task: "SpanReader"
    examples: Sequence[Any]
    needed: Int[Tensor, " rows"]

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        return torch.tensor([each.length for each in self.examples])

    @property
    def tail(self) -> Int[Tensor, " rows"]:
        return torch.zeros_like(self.lengths)

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        longest = self.task.settings.max_train_span
        cut = [_end_of(each, each.length if last is None else last) for each in self.examples]
        device = self.task.network.word.weight.device
        guesses = [math.log(sum(min(longest, n) for n in range(1, int(n) + 1))) for n in self.lengths]
        losses = torch.tensor(guesses, device=device)
        inside = [k for k, each in enumerate(cut) if each.first is not None]
        if not inside:
            return losses
        batch = self.task.collate([cut[k] for k in inside]).to(device)
        assert batch.first is not None
        assert batch.last is not None
        scores = self.task.network(batch.text, batch.question).span
        target = batch.first * longest + batch.last - batch.first
        own = cross_entropy(scores.flatten(1), target, reduction="none")
        return losses.to(own.dtype).index_put((torch.tensor(inside, device=device),), own)

    def first(self, rows: int) -> "SpanSamples":
        return replace(self, examples=self.examples[:rows], needed=self.needed[:rows])


def samples_of(task: "SpanReader", questions: Sequence[Question]) -> list[SpanSamples]:
    """The questions in batches. Raises SettingsError if none has an answer that the reader can point at."""
    examples = task.prepare(questions, training=False)

    def make(rows: list[int]) -> SpanSamples:
        needed = [steps_back(questions[row], task.tokens(questions[row].text)) for row in rows]
        return SpanSamples(task=task, examples=[examples[row] for row in rows], needed=torch.tensor(needed))

    return in_batches(examples, lambda each: task.unlearnable(each) is None, make, "questions has an answer")


def _end_of(example: Any, last: int) -> Any:
    """The end of a text; without a place of the answer where it begins before that."""
    begin = max(example.length - last, 0)
    text = example.text[begin:]
    if example.first < begin:
        return replace(example, text=text, first=None, last=None)
    return replace(example, text=text, first=example.first - begin, last=example.last - begin)
