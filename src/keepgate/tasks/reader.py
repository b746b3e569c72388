"""Reader: what question-answering tasks share."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..data.questions import Question, question_about
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
