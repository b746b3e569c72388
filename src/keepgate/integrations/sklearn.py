"""TextClassifier: the classifier of texts as a scikit-learn estimator."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config import settings_from
from ..data.labelled import LabelledText
from ..errors import PackageMissing, SettingsError
from ..tasks import Classifier
from ..tasks.classifier.settings import ClassifierSettings
from ..train.loop import fit
from ..train.recipes import changed, recipe

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import Tags
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d
except ModuleNotFoundError as missing:
    raise PackageMissing(
        f"keepgate.integrations.sklearn needs {missing.name}, which is not installed; run: "
        "pip install 'keepgate[sklearn]'",
        name=missing.name,
    ) from missing


class TextClassifier(ClassifierMixin, BaseEstimator):
    """keepgate's classifier of texts as a scikit-learn estimator, for pipelines, grid searches and cross-validation.

        TextClassifier(hidden_size=96).fit(texts, labels).score(new_texts, new_labels)

    cell, hidden_size, num_layers, pooling, dropout: as in `ClassifierSettings`; settings: its other fields, by name.
    epochs, batch_size, learning_rate: of the training; None takes what `keepgate train classifier` takes.
    threads: of the processor; None leaves torch's number. random_state: a number, decides every random choice.
    verbose: a progress bar.

    Once fitted: `classes_`, the labels in order; `task_`, the trained `keepgate.tasks.Classifier`, for
    `keepgate.export.save` and the lens; `n_iter_`, the training's steps.
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        pooling: str = "mean+max",
        dropout: float = 0.4,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        threads: int | None = None,
        random_state: int = 0,
        verbose: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.cell, self.hidden_size, self.num_layers = cell, hidden_size, num_layers
        self.pooling, self.dropout = pooling, dropout
        self.epochs, self.batch_size, self.learning_rate, self.threads = (
            epochs,
            batch_size,
            learning_rate,
            threads,
        )
        self.random_state, self.verbose, self.settings = random_state, verbose, settings

    def fit(self, X: Sequence[str], y: ArrayLike) -> Self:
        """Trains on texts X and their labels y, numbers or strings.

        Raises SettingsError for a setting that makes no sense or X and y of different lengths, CorpusError for an empty
        text or fewer than two labels, TrainingStopped for a training that diverges.
        """
        texts, labels = _texts(X), column_or_1d(y)
        if len(texts) != len(labels):
            raise SettingsError(
                f"X has {len(texts)} texts and y {len(labels)} labels; give one label for each text"
            )
        check_classification_targets(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        items = [
            LabelledText(text=text, label=str(self.classes_[number]), id=str(row))
            for row, (text, number) in enumerate(zip(texts, numbers, strict=True))
        ]
        task = Classifier.build(items, self._task_settings(), self.random_state)
        examples = task.prepare(items, training=True)
        names = ("epochs", "batch_size", "learning_rate", "threads")
        chosen = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        config = changed(recipe(Classifier.kind, len(examples)), chosen | {"seed": self.random_state})
        self.n_iter_ = fit(task, config, examples=examples, progress=self.verbose).steps
        self.task_ = task
        return self

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """The most probable label of each text. Raises CorpusError for an empty one."""
        best = self.predict_proba(X).argmax(1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each label, [texts, labels], in the order of `classes_`. Raises as `predict` does."""
        check_is_fitted(self, "task_")
        texts = _texts(X)
        probabilities = self.task_.probabilities([LabelledText(text=text) for text in texts]).double().numpy()
        columns = [self.task_.choices.index(str(label)) for label in self.classes_]
        ordered: NDArray[np.float64] = probabilities[:, columns]
        return ordered / ordered.sum(1, keepdims=True)

    def _task_settings(self) -> ClassifierSettings:
        names = ("cell", "hidden_size", "num_layers", "pooling", "dropout")
        own = {name: getattr(self, name) for name in names}
        return settings_from(ClassifierSettings, own | (self.settings or {}))

    def __sklearn_tags__(self) -> Tags:
        """Texts, one a row."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False, True
        return tags


def _texts(X: Any) -> list[str]:
    """The texts. Raises SettingsError for one text alone, or for rows that are none."""
    if isinstance(X, (str, bytes)):
        raise SettingsError("X is one text; give a list of texts, [text]")
    texts = np.asarray(X, dtype=object)
    wrong = next((row for row in texts.ravel() if not isinstance(row, str)), None)
    if texts.ndim != 1 or wrong is not None:
        what = (
            f"of shape {list(texts.shape)}"
            if texts.ndim != 1
            else f"with a {type(wrong).__name__}, {wrong!r}"
        )
        raise SettingsError(f"X is {what}; give one text (str) for each row")
    return list(texts)
