"""Labels as scikit-learn gives them: one for each row, or several as lists or as a matrix of 0 and 1; probabilities."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ...errors import CorpusError, SettingsError
from .inputs import check_lengths

Matrix = NDArray[np.int64]


def class_names(y: ArrayLike, count: int, unit: str) -> tuple[NDArray[Any], list[str]]:
    """The different labels in order, and each row's as a text. Raises SettingsError for others, CorpusError for one."""
    labels = column_or_1d(y, warn=True)
    check_lengths(count, unit, len(labels), "labels")
    check_classification_targets(labels)
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise CorpusError(
            f"y has 1 class, {classes[0]!r}, and a classifier needs two or more different labels"
        )
    return classes, [str(classes[number]) for number in numbers]


def probabilities(task: Any, items: Sequence[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """The probability of each class for each item, [items, classes]; 0 for one that the task never met."""
    columns = dict(zip(task.labels, task.probabilities(items).double().cpu().numpy().T, strict=True))
    nothing = np.zeros(len(items))
    return np.stack([columns.get(str(name), nothing) for name in classes], 1)


def normalised(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows whose sum is 1."""
    return shares / shares.sum(1, keepdims=True)


@dataclass(frozen=True)
class LabelSets:
    """How a y has several labels a row. classes: the labels, or the numbers of its columns.

    matrix: the dtype of a matrix; None where there are lists.
    """

    classes: NDArray[Any]
    matrix: np.dtype[Any] | None

    @classmethod
    def of(cls, y: Any) -> Self:
        """The form of a y. Raises SettingsError for what is neither lists of labels nor a matrix of 0 and 1."""
        matrix = _matrix(y)
        if matrix is None:
            return cls(np.array(sorted({label for row in _lists(y) for label in row}), dtype=object), None)
        columns = getattr(y, "columns", np.arange(matrix.shape[1]))
        return cls(np.asarray(columns), matrix.dtype)

    def names(self, y: Any, count: int) -> list[tuple[str, ...]]:
        """The labels of each row as texts. Raises SettingsError for a y of another form, length or width."""
        matrix = _matrix(y)
        if (matrix is None) != (self.matrix is None):
            forms = ("lists of labels", "a matrix of 0 and 1")
            raise SettingsError(
                f"y is {forms[matrix is not None]}, and {forms[self.matrix is not None]} in the training"
            )
        if matrix is None:
            rows = _lists(y)
        else:
            if matrix.shape[1] != len(self.classes):
                raise SettingsError(
                    f"y has {matrix.shape[1]} columns, and {len(self.classes)} in the training"
                )
            rows = [tuple(str(name) for name in self.classes[row > 0]) for row in matrix]
        check_lengths(count, "texts", len(rows), "rows of labels")
        return rows

    def as_given(self, rows: Sequence[Sequence[str]]) -> Any:
        """The labels of each row in the form of the y."""
        if self.matrix is None:
            return [list(row) for row in rows]
        names = [str(name) for name in self.classes]
        return np.array([[name in row for name in names] for row in rows]).astype(self.matrix)


def _matrix(y: Any) -> NDArray[Any] | None:
    """The y as a matrix of 0 and 1; None if it is lists, as of labels. Raises SettingsError for other numbers."""
    y = y.toarray() if hasattr(y, "toarray") else y
    if np.iterable(y) and getattr(y, "ndim", 1) == 1:
        labels = [label for row in y if np.iterable(row) for label in row]
        if all(isinstance(label, str) for label in labels):
            return None
    with contextlib.suppress(ValueError):  # of rows of different lengths
        values = np.asarray(y)
        if values.ndim == 2 and values.dtype.kind in "biuf" and np.isin(values, (0, 1)).all():
            return values
    raise SettingsError(
        "y is neither a list of lists of labels (texts) nor a matrix [texts, labels] of 0 and 1; MultiLabelBinarizer "
        "makes one of other labels"
    )


def _lists(y: Any) -> list[tuple[str, ...]]:
    rows = []
    for number, row in enumerate(y):
        if isinstance(row, str) or not np.iterable(row):
            raise SettingsError(f"row {number} of y is {row!r}; give a list of its labels, or [] for none")
        rows.append(tuple(row))
    return rows
