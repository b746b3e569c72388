"""TextClassifier and MultilabelTextClassifier: classifiers of texts as scikit-learn estimators."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from ...data.labelled import LabelledText
from ...data.multilabel import MultilabelText
from ...tasks.classifier.settings import ClassifierSettings
from ...tasks.multilabel.settings import MultilabelSettings
from .base import TaskEstimator
from .inputs import texts_from
from .labels import LabelSets, class_names, normalised, probabilities


@dataclass(kw_only=True, eq=False, repr=False)
class TextClassifier(ClassifierMixin, TaskEstimator):
    """keepgate's classifier of texts as a scikit-learn estimator, for pipelines, grid searches and cross-validation.

        TextClassifier(hidden_size=96).fit(texts, labels).score(new_texts, new_labels)

    cell, hidden_size, num_layers, pooling, dropout: as in `ClassifierSettings`; settings: its other fields, by name.
    vectors: a file of vectors of words to begin with, as text of word2vec, GloVe or fastText. The other arguments are
    those of all estimators (`TaskEstimator`).

    Once fitted: `classes_`, the labels in order; `task_`, the trained `keepgate.tasks.Classifier`.
    """

    kind: ClassVar[str] = "classifier"

    cell: str = ClassifierSettings.cell
    hidden_size: int = ClassifierSettings.hidden_size
    num_layers: int = ClassifierSettings.num_layers
    pooling: str = ClassifierSettings.pooling
    dropout: float = ClassifierSettings.dropout
    vectors: str | Path | None = None

    def fit(self, X: Sequence[str], y: ArrayLike) -> Self:
        """Trains on texts X and their labels y, numbers or strings.

        Raises SettingsError for a setting that makes no sense or X and y of different lengths, CorpusError for an empty
        text or fewer than two labels, TrainingStopped for a training that diverges.
        """
        texts = texts_from(X)
        self.classes_, names = class_names(y, len(texts), "texts")
        rows = enumerate(zip(texts, names, strict=True))
        return self._fit([LabelledText(text=text, label=name, id=str(row)) for row, (text, name) in rows])

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """The most probable label of each text. Raises CorpusError for an empty one."""
        best = self.predict_proba(X).argmax(1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each label, [texts, labels], in the order of `classes_`. Raises as `predict` does."""
        check_is_fitted(self, "task_")
        items = [LabelledText(text=text) for text in texts_from(X)]
        return normalised(probabilities(self.task_, items, self.classes_))


@dataclass(kw_only=True, eq=False, repr=False)
class MultilabelTextClassifier(ClassifierMixin, TaskEstimator):
    """keepgate's classifier that gives a text any number of labels, as a scikit-learn estimator.

        MultilabelTextClassifier().fit(texts, [["noise", "bill"], []]).predict(new_texts)

    y is a list of lists of labels (texts), or a matrix [texts, labels] of 0 and 1, as MultiLabelBinarizer makes it; a
    DataFrame's columns are the labels. Predictions are lists or a matrix, as y was. scikit-learn's own cross-validation
    takes lists only with `cv=KFold(…)`, and the matrix with any.

    threshold: the probability from which on a label is given; None is 0.5. The other arguments are those of
    `TextClassifier`, with `MultilabelSettings`. Once fitted: `classes_`, the labels, or the numbers of the columns;
    `task_`, the trained `keepgate.tasks.MultilabelClassifier`.
    """

    kind: ClassVar[str] = "multilabel-classifier"

    cell: str = MultilabelSettings.cell
    hidden_size: int = MultilabelSettings.hidden_size
    num_layers: int = MultilabelSettings.num_layers
    pooling: str = MultilabelSettings.pooling
    dropout: float = MultilabelSettings.dropout
    threshold: float | None = MultilabelSettings.threshold
    vectors: str | Path | None = None

    def fit(self, X: Sequence[str], y: Any) -> Self:
        """Trains on texts X and their labels y. Raises as `TextClassifier.fit`; one label is enough."""
        self._label_sets = LabelSets.of(y)
        self._fit(self._items(X, y))
        self.classes_ = self._label_sets.classes
        return self

    def predict(self, X: Sequence[str]) -> Any:
        """The labels of each text that reach their thresholds, as y was given. Raises CorpusError for an empty text."""
        check_is_fitted(self, "task_")
        items = self._items(X)
        label_sets = self.task_.labels_given(self.task_.probabilities(items))
        return self._label_sets.as_given(label_sets)

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each label, [texts, labels], in the order of `classes_`; 0 for one that no text had."""
        check_is_fitted(self, "task_")
        return probabilities(self.task_, self._items(X), self.classes_)

    def score(self, X: Sequence[str], y: Any) -> float:
        """The share of texts whose labels are all right, and no others: scikit-learn's accuracy of such a matrix."""
        check_is_fitted(self, "task_")
        return self._score(self._items(X, y), "exact")

    def __sklearn_tags__(self) -> Tags:
        """Several labels a text."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class, tags.classifier_tags.multi_label = False, True
        tags.target_tags.one_d_labels, tags.target_tags.two_d_labels = False, True
        return tags

    def _items(self, X: Sequence[str], y: Any = None) -> list[MultilabelText]:
        texts = texts_from(X)
        labels = [None] * len(texts) if y is None else self._label_sets.names(y, len(texts))
        rows = enumerate(zip(texts, labels, strict=True))
        return [MultilabelText(text=text, labels=names, id=str(row)) for row, (text, names) in rows]
