"""Reading: one item as a model read it: tokens, the run of its recurrent layer, the answer and the head."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...data.labelled import LabelledText
from ...data.labelled_series import LabelledSeries
from ...data.questions import Question
from ...data.series import Series
from ...data.text import Tokens
from ...errors import CellError
from ...nn.trace import Trace
from ...tasks.answer import Answer
from ...tasks.probe import Head, Probed, Unit
from ..capture.layer_run import LayerRun, capture_layer
from ..compact_repr import compact_repr

F = TypeVar("F", bound=Callable[..., Any])
ANY_MODEL = "keepgate.lens.explain(model, inputs, tokens=…) takes an answer of any torch model apart"


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Reading of one question, or of one text to be labelled.

    tokens: the layer's steps, in order; those of a question that is read with the text count on from the text's end.
    layer_run: the layer's run over them, a batch of one. answer: the model's own. head: from the run to the answer.
    choices: the answers that it chooses from; None where it points into the text. unit, without: see `Probe`.
    """

    question: Question | LabelledText | LabelledSeries | Series
    tokens: Tokens
    layer_run: LayerRun
    answer: Answer
    head: Head
    choices: tuple[str, ...] | None
    unit: Unit = "token"
    without: Callable[[Collection[int]], Tensor] | None = None

    __repr__ = compact_repr

    @property
    def trace(self) -> Trace:
        """Trace of every gate and state over the tokens, for each layer and direction."""
        return self.layer_run.trace

    @property
    def question_start(self) -> int:
        """Number of the first token of the question; of all tokens, if the text or a series alone was read."""
        if not self.question.question:
            return len(self.tokens)
        end = len(self.question.text)
        return sum(start < end for start in self.tokens.starts)


def of_reading(measure: F) -> F:
    """Decorates a measure of a Reading: raises CellError if its first argument is something else."""

    @wraps(measure)
    def checked(reading: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(reading, Reading):
            raise CellError(
                f"{measure.__name__} takes what keepgate.lens.read(model, question) gives, got a "
                f"{type(reading).__name__}; {ANY_MODEL}"
            )
        return measure(reading, *args, **options)

    return checked  # type: ignore[return-value]


@torch.no_grad()
def read(task: Probed, question: Question | LabelledText | LabelledSeries | Series) -> Reading:
    """Reads one item with a task's model, without gradients or dropout.

    Raises CellError for a network without memory and for a model that is no keepgate task, CorpusError for an item in
    which there is nothing to read.
    """
    if not isinstance(task, Probed):
        raise CellError(f"{type(task).__name__} is no reader or classifier of ours; {ANY_MODEL}")
    probe = task.probe(question)
    return Reading(
        question=question, tokens=probe.tokens, layer_run=capture_layer(probe.layer, probe.x), answer=probe.answer,
        head=probe.head, choices=task.choices, unit=probe.unit, without=probe.without,
    )  # fmt: skip
