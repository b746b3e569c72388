"""Reading: one question as a model read it, its memory from inside, and the way from there to the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.questions import Question
from ...data.text import Tokens
from ...errors import CellError
from ...nn.trace import Trace
from ...tasks.answer import Answer
from ...tasks.choice.reader import ChoiceReader
from ...tasks.span import SpanReader
from ...tasks.task import Task
from ..capture.layer_run import LayerRun
from ..compact_repr import compact_repr
from .choice_head import ChoiceHead
from .span_head import SpanHead


@runtime_checkable
class Head(Protocol):
    """What a reader makes of the outputs of the layer that read the text."""

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """What it answers, had that layer given these outputs; each row is the same text, read otherwise."""

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """How likely each row makes an answer; None is the one it gave. Raises KeyError as `margin` does."""

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """What speaks for an answer against the others, before the softmax, in float64; None is the answer it gave.

        It can be differentiated. Raises KeyError for an answer that it does not know.
        """

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """`margin` of each row."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """One question as a model read it.

    tokens: what its layer read, in order; those of a question that is read with the text count on from the text's end.
    seen:   that layer's run over them, a batch of one. answer: the model's own. head: from the run to the answer.
    """

    question: Question
    tokens: Tokens
    seen: LayerRun
    answer: Answer
    head: Head

    __repr__ = compact_repr

    @property
    def trace(self) -> Trace:
        """Every gate and state over the tokens, for each layer and direction."""
        return self.seen.trace

    @property
    def question_start(self) -> int:
        """The number of the first token that is the question's; of all tokens, if the text alone was read."""
        end = len(self.question.text)
        return sum(start < end for start in self.tokens.starts)


@torch.no_grad()
def read(task: Task, question: Question) -> Reading:
    """One question as a reader of ours reads it, without gradients or dropout.

    Raises CellError for a network without memory and for a task that is no reader, CorpusError for a question that has
    no text or asks nothing.
    """
    heads: tuple[tuple[type, Callable[[Any, Question], ChoiceHead | SpanHead]], ...] = (
        (ChoiceReader, ChoiceHead),
        (SpanReader, SpanHead),
    )
    for kind, head in heads:
        if isinstance(task, kind):
            found = head(task, question)
            (answer,) = task.answer([question])
            return Reading(question=question, tokens=found.tokens, seen=found.seen, answer=answer, head=found)
    raise CellError(
        f"{type(task).__name__} is no reader of text that can be taken apart; give a choice or a span reader"
    )
