"""Precision, recall and F1 of entities, as seqeval counts them, and the share of right tags."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ...data.tagged import TaggedText
from ...errors import SettingsError
from ..measure import Measurement, Metric, Rows
from .schemes import entities

ACCURACY = Metric(name="accuracy", title="accuracy of tags")
ENTITY_METRICS = (
    Metric(name="f1", title="F1 of entities"),
    Metric(name="precision", title="precision of entities"),
    Metric(name="recall", title="recall of entities"),
    ACCURACY,
)
# Of tags that mark no entities.
TAG_METRICS = (ACCURACY,)
# Of a tagger that labels whole texts too.
LABEL_ACCURACY = Metric(name="label_accuracy", title="accuracy of labels")


def measure_tags(
    items: Sequence[TaggedText],
    predicted: Sequence[Sequence[str]],
    labels: Sequence[str | None] | None = None,
    *,
    entity_tags: bool,
) -> Measurement:
    """The predicted tags of each text against its own, beside giving every token the commonest of these.

    labels: the predicted label of each text, of a tagger that labels whole texts too.
    An entity is right if its type, first and last token are. Raises SettingsError if no text has tags.
    """
    if not any(item.tags for item in items):
        raise SettingsError("there are no tagged texts to evaluate on; give at least one")
    right = [item.tags or () for item in items]
    commonest = Counter(tag for tags in right for tag in tags).most_common(1)[0][0]
    scores = _scores(right, predicted, entity_tags)
    all_rows = np.arange(len(items))
    always = _scores(right, [(commonest,) * len(tags) for tags in right], entity_tags)
    records = [
        {
            "id": item.id,
            "tokens": list(item.tokens.texts),
            "tags": list(item.tags or ()),
            "prediction": list(tags),
        }
        for item, tags in zip(items, predicted, strict=True)
    ]
    baselines = {f"always {commonest!r}": {name: score(all_rows) for name, score in always.items()}}
    if labels is not None:
        right_labels = [item.label for item in items]
        of_all = Counter(label for label in right_labels if label is not None).most_common(1)
        scores |= _label_accuracy(right_labels, labels)
        records = [
            record | {"label": label, "predicted_label": prediction}
            for record, label, prediction in zip(records, right_labels, labels, strict=True)
        ]
        for label, _ in of_all:
            always = _label_accuracy(right_labels, [label] * len(right_labels))
            baselines |= {f"always {label!r}": {name: score(all_rows) for name, score in always.items()}}
    return Measurement(records=records, scores=scores, baselines=baselines)


def _label_accuracy(
    own: Sequence[str | None], predicted: Sequence[str | None]
) -> dict[str, Callable[[Rows], float]]:
    """The share of right labels among the texts that have one, over any selection of them; NaN where none has."""
    has_label = np.array([label is not None for label in own])
    right = has_label & np.array(
        [label == prediction for label, prediction in zip(own, predicted, strict=True)]
    )
    return {
        LABEL_ACCURACY.name: lambda rows: (
            float(right[rows][has_label[rows]].mean()) if has_label[rows].any() else math.nan
        )
    }


def _scores(
    right: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], entity_tags: bool
) -> dict[str, Callable[[Rows], float]]:
    """Each metric, over any selection of the texts."""
    pairs = list(zip(right, predicted, strict=True))
    tags = np.array([len(truth) for truth in right])
    right_tags = np.array([sum(map(str.__eq__, truth, tagged)) for truth, tagged in pairs])
    scores: dict[str, Callable[[Rows], float]] = {
        "accuracy": lambda rows: _share(right_tags[rows].sum(), tags[rows].sum())
    }
    if not entity_tags:
        return scores
    marked = [(set(entities(truth)), set(entities(tagged))) for truth, tagged in pairs]
    counts = np.array([(len(truth & tagged), len(tagged), len(truth)) for truth, tagged in marked])
    return {
        "f1": lambda rows: _share(2 * counts[rows, 0].sum(), counts[rows, 1:].sum()),
        "precision": lambda rows: _share(counts[rows, 0].sum(), counts[rows, 1].sum()),
        "recall": lambda rows: _share(counts[rows, 0].sum(), counts[rows, 2].sum()),
        **scores,
    }


def _share(part: float, whole: float) -> float:
    """part / whole; 0 where there is nothing to be right about, as seqeval has it."""
    return float(part / whole) if whole else 0.0
