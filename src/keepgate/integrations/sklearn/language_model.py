"""TextLanguageModel: the language model as a scikit-learn estimator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import DensityMixin
from sklearn.utils.validation import check_is_fitted

from ...data.labelled import LabelledText
from ...tasks.language_model.settings import LanguageModelSettings
from .base import TaskEstimator
from .inputs import texts_from


@dataclass(kw_only=True, eq=False, repr=False)
class TextLanguageModel(DensityMixin, TaskEstimator):
    """keepgate's language model as a scikit-learn density estimator of texts.

        TextLanguageModel(tokens="words").fit(texts).perplexity(new_texts)

    Training texts are read one after the other, without a sign between them: end each with a line's end if they are
    lines. batch_size is the number of lanes in which they are read, bptt_steps the tokens of each between two cuts of
    the gradient.

    tokens, cell, embedding_size, hidden_size, num_layers, dropout: as in `LanguageModelSettings`; settings: its other
    fields. The other arguments are those of all estimators (`TaskEstimator`). Once fitted: `task_`, the trained
    `keepgate.tasks.LanguageModel`, with which `keepgate.tasks.language_model.Writer` goes on with a text.
    """

    kind: ClassVar[str] = "language-model"

    tokens: str = LanguageModelSettings.tokens
    cell: str = LanguageModelSettings.cell
    embedding_size: int = LanguageModelSettings.embedding_size
    hidden_size: int = LanguageModelSettings.hidden_size
    num_layers: int = LanguageModelSettings.num_layers
    dropout: float = LanguageModelSettings.dropout
    bptt_steps: int | None = None

    def fit(self, X: Sequence[str], y: Any = None) -> Self:  # noqa: ARG002
        """Trains on texts X. y: not read, as scikit-learn has it.

        Raises SettingsError for a setting that makes no sense and texts that are too short for it, CorpusError for
        texts without a token, TrainingStopped for a training that diverges.
        """
        return self._fit(_items(X))

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """The most probable token after each text, ␣ for a blank, ↵ for a line's end.

        Raises CorpusError for an empty text.
        """
        check_is_fitted(self, "task_")
        return np.array([answer.text for answer in self.task_.predict(_items(X))], dtype=object)

    def score(self, X: Sequence[str], y: Any = None) -> float:  # noqa: ARG002
        """Mean log-likelihood of a token, in nats, each but a text's first given all before it; y is not read.

        Raises SettingsError where no text has two tokens.
        """
        return self._score(_items(X), "nats")

    def score_samples(self, X: Sequence[str]) -> NDArray[np.float64]:
        """The log-likelihood of each text given its first token, in nats. Raises as `score` does."""
        check_is_fitted(self, "task_")
        items = _items(X)
        nats = np.zeros(len(items))
        for record in self.task_.measure(items).records:
            nats[int(record["id"])] += record["nats"]
        return -nats

    def perplexity(self, X: Sequence[str]) -> float:
        """e to the mean cross entropy of a token; lower is better. Raises as `score` does."""
        return math.exp(-self.score(X))


def _items(X: Sequence[str]) -> list[LabelledText]:
    return [LabelledText(text=text, id=str(row)) for row, text in enumerate(texts_from(X))]
