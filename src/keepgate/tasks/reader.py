"""Reader: what question-answering tasks share."""

from collections.abc import Callable, Sequence, Sized
from typing import Any, ClassVar

from ..data.questions import Question, question_about
from ..errors import CorpusError
from .measure import Measurement, Metric
from .metrics import METRICS, measure_answers


class Reader:
    """A task whose items are questions about texts, measured by the answers to them."""

    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    predict: Callable[..., Any]

    def item(self, text: str, question: str | None = None) -> Question:
        """A question about a text. Raises SettingsError if none is asked."""
        return question_about(text, question)

    def measure(
        self,
        items: Sequence[Question],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """Exact match and both F1 of the answers, and of always giving the commonest answer."""
        return measure_answers(lambda some: self.predict(some, batch_size=batch_size), items, on_progress)


def refuse_empty(question: Question, text: Sized, asked: Sized) -> None:
    """Raises CorpusError if the tokens of the text, or of what is asked, are none."""
    for tokens, name in ((text, "text"), (asked, "question")):
        if not len(tokens):
            raise CorpusError(f"question {question.id!r}: the {name} is empty; give one with something in it")
