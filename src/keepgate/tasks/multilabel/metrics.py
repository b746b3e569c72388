"""F1 over all labels and by label, exact sets and calibration error, beside always giving the same labels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..calibration import CALIBRATION_ERROR, calibration_error
from ..measure import Measurement, Metric, Rows
from .content import as_text, names_given

METRICS = (
    Metric(name="micro_f1", title="micro F1"),
    Metric(name="macro_f1", title="macro F1"),
    Metric(name="exact", title="exact sets"),
    CALIBRATION_ERROR,
)
Counts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def measure_label_sets(
    ids: Sequence[str],
    right: Sequence[tuple[str, ...]],
    probabilities: NDArray[np.floating],
    thresholds: NDArray[np.floating],
    known: Sequence[str],
) -> Measurement:
    """The labels that reach their thresholds against the right ones. probabilities: [texts, known].

    A right label that the model lacks is always missed, and counts as one more.
    """
    labels = (*known, *sorted({label for names in right for label in names} - set(known)))
    truth = np.array([[label in names for label in labels] for names in right], bool)
    predicted = np.zeros_like(truth)
    predicted[:, : len(known)] = probabilities >= thresholds
    correct = (truth == predicted).all(1)
    records = [
        {
            "id": identity, "labels": list(names), "prediction": list(names_given(row, labels)),
            "probabilities": dict(zip(known, map(float, shares), strict=True)), "correct": bool(right_one),
        }
        for identity, names, row, shares, right_one in zip(ids, right, predicted, probabilities, correct, strict=True)
    ]  # fmt: skip
    flat, hits = probabilities.astype(np.float64), truth[:, : len(known)]
    counts = _counter(truth, predicted)
    every = np.arange(len(truth))
    return Measurement(
        records=records,
        scores={
            "micro_f1": lambda rows: micro_f1(counts(rows)),
            "macro_f1": lambda rows: macro_f1(counts(rows)),
            "exact": lambda rows: float(correct[rows].mean()),
            "calibration_error": lambda rows: calibration_error(flat[rows].ravel(), hits[rows].ravel()),
        },
        baselines=_baselines(truth, labels),
        by_label=_by_label(labels, counts(every)),
    )


def micro_f1(counts: Counts) -> float:
    """2 · right / (occurrences + predictions) of all labels together; NaN where there is neither."""
    hits, occurrences, predictions = (part.sum() for part in counts)
    return float(2 * hits / (occurrences + predictions)) if occurrences + predictions else float("nan")


def macro_f1(counts: Counts) -> float:
    """The mean of the F1 of those labels that occur or were predicted; NaN where none is."""
    scores = f1_by_label(counts)
    return float(np.nanmean(scores)) if not np.isnan(scores).all() else float("nan")


def f1_by_label(counts: Counts) -> NDArray[np.float64]:
    """2 · right / (occurrences + predictions) of each label; NaN where there is neither."""
    hits, occurrences, predictions = counts
    return _share(2 * hits, occurrences + predictions)


def _counter(truth: NDArray[np.bool_], given: NDArray[np.bool_]) -> Callable[[Rows], Counts]:
    """From rows to how often each label was rightly given, occurs, and was given."""
    parts = [part.astype(np.float32) for part in (truth & given, truth, given)]

    def counts(rows: Rows) -> Counts:
        times = np.bincount(rows, minlength=len(truth)).astype(np.float32)
        hits, occurrences, predictions = ((times @ part).astype(np.float64) for part in parts)
        return hits, occurrences, predictions

    return counts


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _by_label(labels: Sequence[str], counts: Counts) -> dict[str, dict[str, float]]:
    hits, occurrences, predictions = counts
    columns = {
        "texts": occurrences,
        "precision": _share(hits, predictions),
        "recall": _share(hits, occurrences),
        "f1": f1_by_label(counts),
    }
    return {
        label: {name: float(values[k]) for name, values in columns.items()} for k, label in enumerate(labels)
    }


def _baselines(truth: NDArray[np.bool_], labels: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Always giving the commonest label, and always giving all."""
    every = np.arange(len(truth))
    commonest = np.arange(len(labels)) == truth.sum(0).argmax()
    always = {
        f"always {as_text(names_given(commonest, labels))!r}": commonest,
        "always every label": np.ones(len(labels), bool),
    }
    scores = {}
    for name, row in always.items():
        predictions = np.broadcast_to(row, truth.shape)
        counts = _counter(truth, predictions)(every)
        exact = float((truth == predictions).all(1).mean())
        scores[name] = {"micro_f1": micro_f1(counts), "macro_f1": macro_f1(counts), "exact": exact}
    return scores
