"""Questions as what a reader of ours is examined with: its loss on the right answer, given the end of each text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...data.questions import Question
from ...data.text import tokenize
from ...errors import SettingsError
from ...tasks.choice.reader import ChoiceExample, ChoiceReader
from ...tasks.span import SpanReader
from ...tasks.span.reader import SpanExample
from .samples import Sample

# Questions and tokens that are run at once.
QUESTIONS, TOKENS = 64, 65_536


@dataclass(frozen=True, kw_only=True, eq=False)
class ChoiceSamples:
    """Questions for a reader that chooses. asked: tokens of each question that follow the text; they always stay."""

    task: ChoiceReader
    examples: Sequence[ChoiceExample]
    asked: Int[Tensor, " rows"]
    needed: Int[Tensor, " rows"]

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        return torch.tensor([len(each.text) for each in self.examples]) - self.asked

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        begins = torch.zeros_like(self.asked) if last is None else (self.lengths - last).clamp(min=0)
        cut = [
            replace(each, text=each.text[begin:])
            for each, begin in zip(self.examples, begins.tolist(), strict=True)
        ]
        batch = self.task.collate(cut).to(self.task.readout.weight.device)
        assert batch.targets is not None
        return cross_entropy(self.task(batch), batch.targets, reduction="none")

    def first(self, rows: int) -> "ChoiceSamples":
        return replace(
            self, examples=self.examples[:rows], asked=self.asked[:rows], needed=self.needed[:rows]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SpanSamples:
    """Questions for a reader that points. An answer out of its sight costs what a guess among all spans does."""

    task: SpanReader
    examples: Sequence[SpanExample]
    needed: Int[Tensor, " rows"]

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        return torch.tensor([each.length for each in self.examples])

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        longest = self.task.settings.max_train_span
        cut = [_end_of(each, each.length if last is None else last) for each in self.examples]
        device = self.task.network.word.weight.device
        guesses = [math.log(sum(min(longest, n) for n in range(1, int(n) + 1))) for n in self.lengths]
        found = torch.tensor(guesses, device=device)
        seen = [k for k, each in enumerate(cut) if each.first is not None]
        if not seen:
            return found
        batch = self.task.collate([cut[k] for k in seen]).to(device)
        assert batch.first is not None
        assert batch.last is not None
        scores = self.task.network(batch.text, batch.question).span
        target = batch.first * longest + batch.last - batch.first
        losses = cross_entropy(scores.flatten(1), target, reduction="none")
        return found.to(losses.dtype).index_put((torch.tensor(seen, device=device),), losses)

    def first(self, rows: int) -> "SpanSamples":
        return replace(self, examples=self.examples[:rows], needed=self.needed[:rows])


def question_samples(task: ChoiceReader | SpanReader, questions: Sequence[Question]) -> list[Sample]:
    """Questions in batches of similar length, the longest first; those whose answer the reader cannot give left out.

    How far back what is asked for lies is where the facts begin on which the answer rests, else where the answer
    stands, else the whole text. Raises SettingsError if no question is left, CorpusError for one without text.
    """
    examples: list[Any] = task.prepare(questions, training=False)
    kept = [k for k, each in enumerate(examples) if _can_answer(task, each)]
    if not kept:
        raise SettingsError(
            f"none of the {len(questions)} questions has an answer that this reader can give; examine it with "
            "questions of the kind that it was trained on"
        )
    kept.sort(key=lambda k: -examples[k].length)
    found: list[Sample] = []
    while kept:
        size = max(1, min(QUESTIONS, TOKENS // max(1, examples[kept[0]].length)))
        rows, kept = kept[:size], kept[size:]
        needed = torch.tensor([_needed(task, questions[k]) for k in rows])
        if isinstance(task, SpanReader):
            found.append(SpanSamples(task=task, examples=[examples[k] for k in rows], needed=needed))
            continue
        asked = [0 if task.attention is not None else len(tokenize(questions[k].question)) for k in rows]
        found.append(
            ChoiceSamples(
                task=task, examples=[examples[k] for k in rows], asked=torch.tensor(asked), needed=needed
            )
        )
    return found


def _can_answer(task: ChoiceReader | SpanReader, example: Any) -> bool:
    if isinstance(task, ChoiceReader):
        return example.target is not None
    return example.first is not None and example.last - example.first < task.settings.max_train_span


def _end_of(example: SpanExample, last: int) -> SpanExample:
    """The end of a text; without a place of the answer where it begins before that."""
    begin = max(example.length - last, 0)
    assert example.first is not None
    assert example.last is not None
    if example.first < begin:
        return replace(example, text=example.text[begin:], first=None, last=None)
    return replace(example, text=example.text[begin:], first=example.first - begin, last=example.last - begin)


def _needed(task: ChoiceReader | SpanReader, question: Question) -> int:
    tokens = tokenize(question.text) if isinstance(task, ChoiceReader) else task.tokens(question.text)
    places = [start for start, _ in question.facts] or [one for one in question.starts if one is not None]
    return sum(end > min(places, default=0) for end in tokens.ends)
