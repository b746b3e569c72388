"""Accuracy, macro F1, balanced accuracy, calibration error and confusions, beside the majority and guessing."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..calibration import CALIBRATION_ERROR, calibration_error
from ..measure import Measurement, Metric, Rows

METRICS = (
    Metric(name="accuracy", title="accuracy"),
    Metric(name="macro_f1", title="macro F1"),
    Metric(name="balanced_accuracy", title="balanced accuracy"),
    CALIBRATION_ERROR,
)


def measure_labels(
    ids: Sequence[str],
    right: Sequence[str],
    probabilities: NDArray[np.floating],
    choices: Sequence[str],
) -> Measurement:
    """The most probable labels against the right ones. probabilities: [texts, choices], the labels of the model.

    A right label that is none of the choices has a row of its own in the confusion matrix, and is always missed.
    """
    labels = (*choices, *sorted(set(right) - set(choices)))
    number = {label: k for k, label in enumerate(labels)}
    truth = np.array([number[label] for label in right])
    predicted = probabilities.argmax(1)
    count = len(labels)

    def confusion(rows: Rows) -> NDArray[np.int64]:
        pairs = truth[rows] * count + predicted[rows]
        return np.bincount(pairs, minlength=count * count).reshape(count, count)

    majority = Counter(right).most_common(1)[0][0]
    always = np.zeros((count, count), np.int64)
    always[:, number[majority]] = np.bincount(truth, minlength=count)
    records = [
        {
            "id": identity, "label": label, "prediction": choices[k], "probability": float(row[k]),
            "correct": choices[k] == label,
        }
        for identity, label, k, row in zip(ids, right, predicted.tolist(), probabilities, strict=True)
    ]  # fmt: skip
    highest, hits = probabilities.max(1).astype(np.float64), predicted == truth
    measures = {"accuracy": accuracy, "macro_f1": macro_f1, "balanced_accuracy": balanced_accuracy}
    return Measurement(
        records=records,
        scores={
            **{name: lambda rows, of=measure: of(confusion(rows)) for name, measure in measures.items()},
            "calibration_error": lambda rows: calibration_error(highest[rows], hits[rows]),
        },
        baselines={
            f"always {majority!r}": {name: of(always) for name, of in measures.items()},
            "guessing": {"accuracy": 1 / len(choices)},
        },
        confusion=(labels, confusion(np.arange(len(truth)))),
    )


def accuracy(confusion: NDArray[np.int64]) -> float:
    """The share of texts whose label was predicted. confusion: [right, predicted] counts."""
    return float(np.trace(confusion) / confusion.sum())


def balanced_accuracy(confusion: NDArray[np.int64]) -> float:
    """The mean over the labels that occur of the share of their texts that were predicted so (recall)."""
    occurs = confusion.sum(1)
    return float((np.diag(confusion)[occurs > 0] / occurs[occurs > 0]).mean())


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """The mean over the labels that occur or were predicted of 2 · right / (occurrences + predictions)."""
    both = confusion.sum(0) + confusion.sum(1)
    return float((2 * np.diag(confusion)[both > 0] / both[both > 0]).mean())
