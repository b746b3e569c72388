"""TextClassifier, TimeSeriesClassifier and TokenTagger: tasks as scikit-learn estimators."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config import settings_from
from ..data.labelled import LabelledText
from ..data.labelled_series import LabelledSeries
from ..data.tagged import TaggedText, tagged_text
from ..data.word_vectors import WordVectors
from ..errors import CorpusError, PackageMissing, SettingsError
from ..tasks import KINDS, Classifier, SeriesClassifier, Tagger
from ..tasks.classifier.settings import ClassifierSettings
from ..tasks.series_classifier.settings import SeriesClassifierSettings
from ..tasks.tagger.settings import TaggerSettings
from ..train.loop import fit
from ..train.recipes import changed, recipe

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import Tags
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d
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
    vectors: a file of vectors of words to begin with, as text of word2vec, GloVe or fastText.
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
        vectors: str | Path | None = None,
    ) -> None:
        self.vectors = vectors
        self.cell, self.hidden_size, self.num_layers = cell, hidden_size, num_layers
        self.pooling, self.dropout = pooling, dropout
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.threads, self.random_state, self.verbose, self.settings = (
            threads,
            random_state,
            verbose,
            settings,
        )

    def fit(self, X: Sequence[str], y: ArrayLike) -> Self:
        """Trains on texts X and their labels y, numbers or strings.

        Raises SettingsError for a setting that makes no sense or X and y of different lengths, CorpusError for an empty
        text or fewer than two labels, TrainingStopped for a training that diverges.
        """
        texts = _texts(X)
        names = _labels(self, y, len(texts), "texts")
        items = [
            LabelledText(text=text, label=name, id=str(row))
            for row, (text, name) in enumerate(zip(texts, names, strict=True))
        ]
        return _train(self, Classifier, items, _settings(self, ClassifierSettings, "pooling"))

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """The most probable label of each text. Raises CorpusError for an empty one."""
        best = self.predict_proba(X).argmax(1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each label, [texts, labels], in the order of `classes_`. Raises as `predict` does."""
        check_is_fitted(self, "task_")
        return _probabilities(self, [LabelledText(text=text) for text in _texts(X)])

    def __sklearn_tags__(self) -> Tags:
        """Texts, one a row."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False, True
        return tags


class TimeSeriesClassifier(ClassifierMixin, BaseEstimator):
    """keepgate's classifier of series as a scikit-learn estimator.

        TimeSeriesClassifier().fit(series, labels).predict_proba(new_series)

    Series are one array [series, steps, features] or [series, steps], or a list of arrays [steps, features] of any
    lengths. Arguments and what is there once it is fitted are those of `TextClassifier`, with
    `SeriesClassifierSettings` and `keepgate.tasks.SeriesClassifier`.
    """

    def __init__(
        self,
        *,
        cell: str = "gru",
        hidden_size: int = 64,
        num_layers: int = 1,
        pooling: str = "mean+max",
        dropout: float = 0.1,
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
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.threads, self.random_state, self.verbose, self.settings = (
            threads,
            random_state,
            verbose,
            settings,
        )

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Trains on series X and their labels y, numbers or strings.

        Raises as `TextClassifier.fit` does, and SettingsError for series that are no finite numbers or have different
        features.
        """
        values = _series(X)
        names = _labels(self, y, len(values), "series")
        items = [
            _labelled(rows, name, str(row))
            for row, (rows, name) in enumerate(zip(values, names, strict=True))
        ]
        return _train(self, SeriesClassifier, items, _settings(self, SeriesClassifierSettings, "pooling"))

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each series. Raises as `predict_proba` does."""
        best = self.predict_proba(X).argmax(1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each label, [series, labels], in the order of `classes_`.

        Raises SettingsError for what are no series, CorpusError for other features than those of the training.
        """
        check_is_fitted(self, "task_")
        return _probabilities(self, [_labelled(rows, None, str(row)) for row, rows in enumerate(_series(X))])

    def __sklearn_tags__(self) -> Tags:
        """Series, a matrix each."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class TokenTagger(BaseEstimator):
    """keepgate's tagger as a scikit-learn estimator: a tag for each token.

        TokenTagger().fit([["王", "明"], …], [["B-PER", "E-PER"], …]).predict([["陳", "思"]])

    Arguments and what is there once it is fitted are those of `TextClassifier`, with `TaggerSettings` and
    `keepgate.tasks.Tagger`; `classes_` are the tags.
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.5,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        threads: int | None = None,
        random_state: int = 0,
        verbose: bool = False,
        settings: dict[str, Any] | None = None,
        vectors: str | Path | None = None,
    ) -> None:
        self.vectors = vectors
        self.cell, self.hidden_size, self.num_layers, self.dropout = cell, hidden_size, num_layers, dropout
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.threads, self.random_state, self.verbose, self.settings = (
            threads,
            random_state,
            verbose,
            settings,
        )

    def fit(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> Self:
        """Trains on lists of tokens X and their tags y.

        Raises SettingsError for a setting that makes no sense or X and y that do not fit together, CorpusError for tags
        of no scheme or fewer than two, TrainingStopped for a training that diverges.
        """
        _train(self, Tagger, _tagged(X, y), _settings(self, TaggerSettings))
        self.classes_ = np.array(self.task_.choices)
        return self

    def predict(self, X: Sequence[Sequence[str]]) -> list[list[str]]:
        """The most probable legal sequence of tags of each text. Raises CorpusError for an empty one."""
        check_is_fitted(self, "task_")
        return [list(tags) for tags in self.task_.tags(_tagged(X))]

    def score(self, X: Sequence[Sequence[str]], y: Sequence[Sequence[str]]) -> float:
        """F1 of entities, 0 to 1; of tags that mark none, the share of right tags."""
        check_is_fitted(self, "task_")
        return self.task_.measure(_tagged(X, y)).values()[self.task_.metrics[0].name]


def _settings(estimator: Any, settings_type: type, *names: str) -> Any:
    """The settings of a task that an estimator's arguments say. Raises SettingsError for one that makes no sense."""
    shared = ("cell", "hidden_size", "num_layers", "dropout", *names)
    own = {name: getattr(estimator, name) for name in shared}
    if (vectors := _vectors(estimator)) is not None:
        own["embedding_size"] = vectors.size
    return settings_from(settings_type, own | (estimator.settings or {}))


def _vectors(estimator: Any) -> WordVectors | None:
    path = getattr(estimator, "vectors", None)
    return None if path is None else WordVectors(path)


def _train(estimator: Any, task_type: Any, items: Sequence[Any], settings: Any) -> Any:
    """The estimator, with the trained task and the number of its steps."""
    vectors = _vectors(estimator)
    task = KINDS[task_type.kind].build(items, settings, estimator.random_state, vectors)
    examples = task.prepare(items, training=True)
    names = ("epochs", "batch_size", "learning_rate", "threads")
    chosen = {name: getattr(estimator, name) for name in names if getattr(estimator, name) is not None}
    config = changed(recipe(task.kind, len(examples)), chosen | {"seed": estimator.random_state})
    estimator.n_iter_ = fit(task, config, examples=examples, progress=estimator.verbose).steps
    estimator.task_ = task
    return estimator


def _labels(estimator: Any, y: ArrayLike, count: int, what: str) -> list[str]:
    """The labels as texts; the estimator's `classes_` are they as they were given. Raises SettingsError for others."""
    labels = column_or_1d(y, warn=True)
    if count != len(labels):
        raise SettingsError(f"X has {count} {what} and y {len(labels)} labels; give one label for each")
    check_classification_targets(labels)
    estimator.classes_, numbers = np.unique(labels, return_inverse=True)
    if len(estimator.classes_) < 2:
        raise CorpusError(
            f"y has 1 class, {estimator.classes_[0]!r}, and a classifier needs two or more different labels"
        )
    return [str(estimator.classes_[number]) for number in numbers]


def _probabilities(estimator: Any, items: Sequence[Any]) -> NDArray[np.float64]:
    """[items, labels], in the order of `classes_`."""
    task = estimator.task_
    probabilities = task.probabilities(items).double().numpy()
    ordered: NDArray[np.float64] = probabilities[
        :, [task.choices.index(str(label)) for label in estimator.classes_]
    ]
    return ordered / ordered.sum(1, keepdims=True)


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


def _series(X: Any) -> list[NDArray[np.float32]]:
    """The values of each series, [steps, features]. Raises SettingsError for what are none, TypeError for sparse."""
    values: list[NDArray[np.float32]] = []
    for row, given in enumerate(_rows(X)):
        try:
            rows = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise SettingsError(
                f"series {row} of X is no array of numbers; give one [steps, features]"
            ) from None
        rows = rows[:, None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or 0 in rows.shape:
            raise SettingsError(f"series {row} of X has shape {list(rows.shape)}; give [steps, features]")
        if not (np.abs(rows) <= np.finfo(np.float32).max).all():
            raise SettingsError(f"series {row} of X holds NaN, infinity or more than float32 can; fill it")
        if values and rows.shape[1] != values[0].shape[1]:
            raise SettingsError(
                f"series {row} of X has {rows.shape[1]} features, and series 0 has {values[0].shape[1]}"
            )
        values.append(rows.astype(np.float32))
    if not values:
        raise SettingsError("X has no series; give at least one")
    return values


def _rows(X: Any) -> Any:
    """Series one by one; an array of them is checked as scikit-learn's estimators check theirs."""
    if isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return X
    try:
        return check_array(X, dtype=np.float64, allow_nd=True, input_name="X")
    except ValueError as error:
        raise SettingsError(f"X is no array of series: {error}") from error


def _labelled(values: NDArray[np.float32], label: str | None, identity: str) -> LabelledSeries:
    names = tuple(map(str, range(1, values.shape[1] + 1)))
    return LabelledSeries(values=values, features=names, label=label, id=identity)


def _tagged(X: Any, y: Any = None) -> list[TaggedText]:
    """Lists of tokens, with their tags. Raises SettingsError for what are none, or do not fit together."""
    if y is not None and len(X) != len(y):
        raise SettingsError(f"X has {len(X)} texts and y {len(y)} lists of tags; give one for each")
    items = []
    for row, tokens in enumerate(X):
        if isinstance(tokens, str) or not all(isinstance(token, str) and token for token in tokens):
            raise SettingsError(
                f"text {row} of X is {tokens!r}; give a list of its tokens, texts that are not empty"
            )
        tags = None if y is None else list(y[row])
        if tags is not None and len(tags) != len(tokens):
            raise SettingsError(
                f"text {row} has {len(tokens)} tokens and {len(tags)} tags; give one for each"
            )
        items.append(tagged_text(list(tokens), tags, id=str(row)))
    return items
