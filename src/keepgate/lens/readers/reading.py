"""Reading: one question as a model read it, its memory from inside, and the way from there to the answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...data.labelled import LabelledText
from ...data.questions import Question
from ...data.text import Tokens
from ...errors import CellError
from ...nn.trace import Trace
from ...tasks.answer import Answer
from ...tasks.probe import Head, Probed
from ..capture.layer_run import LayerRun, capture_layer
from ..compact_repr import compact_repr


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """One question as a model read it.

    tokens: what its layer read, in order; those of a question that is read with the text count on from the text's end.
    seen:   that layer's run over them, a batch of one. answer: the model's own. head: from the run to the answer.
    choices: the answers that it chooses from; None where it points into the text. without: see `Probe`.
    """

    question: Question | LabelledText
    tokens: Tokens
    seen: LayerRun
    answer: Answer
    head: Head
    choices: tuple[str, ...] | None
    without: Callable[[int, int], Tensor] | None = None

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
def outputs_of_shorter_texts(reading: Reading, spans: Sequence[tuple[int, int]]) -> Iterator[Tensor]:
    """What the layer gives for the text from which the tokens of each span are deleted, [time, 1, output], in order.

    Only for a task whose probe says what it would be given (`Probe.without`).
    """
    assert reading.without is not None
    for start, end in spans:
        yield reading.seen.layer(reading.without(start, end))[0]


@torch.no_grad()
def read(task: Probed, question: Question | LabelledText) -> Reading:
    """One item as a task of ours reads it, without gradients or dropout.

    Raises CellError for a network without memory and for what is no task of ours, CorpusError for an item in which
    there is nothing to read.
    """
    if not isinstance(task, Probed):
        raise CellError(
            f"{type(task).__name__} is no model of ours that can be taken apart by its tokens; give a reader or a "
            "classifier, or watch its recurrent layer with keepgate.lens.attach"
        )
    probe = task.probe(question)
    return Reading(
        question=question, tokens=probe.tokens, seen=capture_layer(probe.layer, probe.x), answer=probe.answer,
        head=probe.head, choices=task.choices, without=probe.without,
    )  # fmt: skip
