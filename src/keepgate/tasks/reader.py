"""Reader: what question-answering tasks share."""

from collections.abc import Callable, Sequence
from typing import Any

from ..data.questions import Question, question_about
from .measure import Measurement, Metric
from .metrics import METRICS, NO_ANSWER_METRICS, measure_answers


class Reader:
    """A task whose items are questions about texts, measured by the answers to them."""

    predict: Callable[..., Any]

    @property
    def abstains(self) -> bool:
        """Whether it may answer that the text has no answer."""
        return False

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Exact match, which judges a training, and F1; where it may abstain, of both kinds of questions too."""
        return (*METRICS, *NO_ANSWER_METRICS) if self.abstains else METRICS

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
