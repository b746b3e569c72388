"""TextSpanReader, TextChoiceReader and TextPointerReader: readers as scikit-learn estimators."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ...tasks.choice.settings import ChoiceReaderSettings
from ...tasks.pointer.settings import PointerReaderSettings
from ...tasks.span.settings import SpanReaderSettings
from .base import TaskEstimator
from .inputs import answered_from, questions_from


class Reads:
    """What estimators that answer questions about texts share."""

    def fit(self: Any, X: Any, y: Any = None) -> Any:
        """Trains on texts and questions X with their answers y; what cannot be learnt from is left out with a warning.

        Raises SettingsError for a setting that makes no sense, for what are no questions or no answers and for X and y
        of different lengths, CorpusError for an empty text or question, TrainingStopped for a training that diverges.
        """
        self._fit(answered_from(X, y))
        return self

    def predict(self: Any, X: Any) -> NDArray[Any]:
        """The answer to each question; "" where the text has none. Raises as `fit` does."""
        check_is_fitted(self, "task_")
        return np.array([answer.text for answer in self.task_.predict(questions_from(X))], dtype=object)

    def score(self: Any, X: Any, y: Any = None) -> float:
        """The share of answers that are exactly one of the right ones, case and punctuation put aside."""
        return self._score(answered_from(X, y), "exact")


@dataclass(kw_only=True, eq=False, repr=False)
class TextSpanReader(Reads, TaskEstimator):
    """keepgate's span reader as a scikit-learn estimator: it answers with a piece of the text.

        TextSpanReader().fit([(text, question), …], answers).predict([(new_text, new_question)])

    X is a list of pairs (text, question), of dicts with "text" (or "context") and "question", or a DataFrame with such
    columns. y is the right answer of each, or a list of those that count; "" says that the text has none. Without y the
    dicts' own "answer" (or "answers") are the right ones. An answer must stand in its text to be learnt.

    cell, hidden_size, embedding_size, dropout, no_answer: as in `SpanReaderSettings`; settings: its other fields, by
    name. The other arguments are those of `TextClassifier`. Once fitted: `task_`, the trained
    `keepgate.tasks.SpanReader`.
    """

    kind: ClassVar[str] = "span-reader"

    cell: str = SpanReaderSettings.cell
    hidden_size: int = SpanReaderSettings.hidden_size
    embedding_size: int = SpanReaderSettings.embedding_size
    dropout: float = SpanReaderSettings.dropout
    no_answer: bool = SpanReaderSettings.no_answer
    vectors: str | Path | None = None


@dataclass(kw_only=True, eq=False, repr=False)
class TextChoiceReader(Reads, TaskEstimator):
    """keepgate's choice reader as a scikit-learn estimator: it answers with one of the answers met in training.

        TextChoiceReader().fit([(text, question), …], answers).predict([(new_text, new_question)])

    X and y are as for `TextSpanReader`. cell, hidden_size, embedding_size, num_layers, pooling, dropout: as in
    `ChoiceReaderSettings`; settings: its other fields, by name. The other arguments are those of `TextClassifier`.
    Once fitted: `classes_`, the answers; `task_`, the trained `keepgate.tasks.ChoiceReader`.
    """

    kind: ClassVar[str] = "choice-reader"

    cell: str = ChoiceReaderSettings.cell
    hidden_size: int = ChoiceReaderSettings.hidden_size
    embedding_size: int = ChoiceReaderSettings.embedding_size
    num_layers: int = ChoiceReaderSettings.num_layers
    pooling: str = ChoiceReaderSettings.pooling
    dropout: float = ChoiceReaderSettings.dropout
    vectors: str | Path | None = None

    @property
    def classes_(self) -> NDArray[Any]:
        """The answers that it chooses among. Raises AttributeError before it is fitted."""
        return np.array(self.task_.choices, dtype=object)


@dataclass(kw_only=True, eq=False, repr=False)
class TextPointerReader(Reads, TaskEstimator):
    """keepgate's pointer reader as a scikit-learn estimator: a small network that points into a short story.

        TextPointerReader().fit([(text, question), …], answers).predict([(new_text, new_question)])

    X and y are as for `TextSpanReader`; an answer must stand in its text, or be "", to be learnt. cell, hidden_size,
    embedding_size, num_layers, dropout: as in `PointerReaderSettings`; settings: its other fields, by name. The other
    arguments are those of all estimators (`TaskEstimator`). Once fitted: `task_`, the trained
    `keepgate.tasks.PointerReader`.
    """

    kind: ClassVar[str] = "pointer-reader"

    cell: str = PointerReaderSettings.cell
    hidden_size: int = PointerReaderSettings.hidden_size
    embedding_size: int = PointerReaderSettings.embedding_size
    num_layers: int = PointerReaderSettings.num_layers
    dropout: float = PointerReaderSettings.dropout
