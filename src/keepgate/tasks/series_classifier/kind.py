"""What a series classifier registers: how it is trained and what it reads."""

from typing import Any

from ...data.corpora.labelled_series import SeriesLabelCorpus, read_labelled_series
from ..kind import AVERAGED_WEIGHTS, TaskKind
from .classifier import SeriesClassifier


def recipe(examples: int) -> dict[str, Any]:
    """Twenty epochs, but at least 300 steps, and an average of the weights."""
    batch_size = 32
    return {
        "steps": max(300, 20 * -(-examples // batch_size)),
        "batch_size": batch_size,
        **AVERAGED_WEIGHTS,
        "max_grad_norm": 1.0,
        "ema_decay": 0.99,
    }


def reread(paths: Any, task: SeriesClassifier, **columns: str | None) -> SeriesLabelCorpus:
    """The series in these files, of whose columns the model's features are read, by their names."""
    return read_labelled_series(paths, features=task.content.features, **columns)


KIND = TaskKind(
    task=SeriesClassifier,
    recipe=recipe,
    read=read_labelled_series,
    columns=("series_column", "label_column"),
    unit="series",
    asks=False,
    use="keepgate predict {model} FILE",
    reread=reread,
)
