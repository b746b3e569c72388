"""TokenTagger: the tagger as a scikit-learn estimator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ...tasks.tagger.settings import TaggerSettings
from .base import TaskEstimator
from .inputs import tagged_from


@dataclass(kw_only=True, eq=False, repr=False)
class TokenTagger(TaskEstimator):
    """keepgate's tagger as a scikit-learn estimator: a tag for each token.

        TokenTagger().fit([["王", "明"], …], [["B-PER", "E-PER"], …]).predict([["陳", "思"]])

    Arguments and what is there once it is fitted are those of `TextClassifier`, with `TaggerSettings` and
    `keepgate.tasks.Tagger`; `classes_` are the tags.
    """

    kind: ClassVar[str] = "tagger"

    cell: str = TaggerSettings.cell
    hidden_size: int = TaggerSettings.hidden_size
    num_layers: int = TaggerSettings.num_layers
    dropout: float = TaggerSettings.dropout
    vectors: str | Path | None = None

    def fit(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> Self:
        """Trains on lists of tokens X and their tags y.

        Raises SettingsError for a setting that makes no sense or X and y that do not fit together, CorpusError for tags
        of no scheme or fewer than two, TrainingStopped for a training that diverges.
        """
        self._fit(tagged_from(X, y))
        self.classes_ = np.array(self.task_.choices)
        return self

    def predict(self, X: Sequence[Sequence[str]]) -> list[list[str]]:
        """The most probable legal sequence of tags of each text. Raises CorpusError for an empty one."""
        check_is_fitted(self, "task_")
        return [list(tags) for tags in self.task_.tags(tagged_from(X))]

    def score(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> float:
        """F1 of entities, 0 to 1; of tags that mark none, the share of right tags."""
        return self._score(tagged_from(X, y))
