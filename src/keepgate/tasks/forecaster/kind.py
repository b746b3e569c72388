"""What a forecaster registers: how it is trained, what it reads, and what of it is held out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...data.corpora.series import SeriesCorpus, read_series, read_series_like
from ...data.series import Series
from ...errors import SettingsError
from ..kind import TaskKind
from .forecaster import Forecaster
from .settings import ForecasterSettings

# Of few windows so many steps at least, and of many no more.
_AT_LEAST, _AT_MOST, _EPOCHS = 300, 3000, 5
_BATCH = 32
# The share of each series, its last steps, that is kept to measure on where no other data are given.
_HELD_OUT = 0.2


def recipe(windows: int) -> dict[str, Any]:
    """What `bench/ett.py` measures: five epochs, but 300 steps at least and 3,000 at most."""
    batch = max(1, min(_BATCH, windows // 8))
    return {
        "steps": max(_AT_LEAST, min(_AT_MOST, _EPOCHS * windows // batch)),
        "batch_size": batch,
        "learning_rate": 2e-3,
        "schedule": "cosine",
        "hold_fraction": 0.0,
        "warmup": 20,
        "optimiser": "adamw",
        "weight_decay": 1e-4,
    }


def hold_out(items: Sequence[Series], settings: ForecasterSettings) -> tuple[list[Series], list[Series]]:
    """The first four fifths of each series, and the whole, of which only the last fifth is forecast when measured.

    At least as many steps as a forecast are held out; none where too few would be left to learn from.
    """
    full = settings.for_data(items[0].frequency, [len(item) for item in items])
    assert full.steps_ahead is not None
    assert full.look_back is not None
    cuts = [len(item) - max(int(_HELD_OUT * len(item)), full.steps_ahead) for item in items]
    if max(cuts) < full.look_back + full.steps_ahead:
        return list(items), []
    pairs = [(item, cut) for item, cut in zip(items, cuts, strict=True) if cut > 0]
    return [item.up_to(cut) for item, cut in pairs], [replace(item, first=cut) for item, cut in pairs]


def reread(paths: Any, task: Forecaster, *, series_column: str | None = None) -> SeriesCorpus:
    """The series in these files, in the columns that the model was trained on. Raises SettingsError for another."""
    if series_column is not None:
        raise SettingsError(
            "--series-column is given, and a forecaster reads the columns that it was trained on; leave it out"
        )
    corpus = read_series_like(paths, task.statistics.columns)
    corpus.notes += task.statistics.unseen(corpus.items)
    return corpus


KIND = TaskKind(
    task=Forecaster,
    recipe=recipe,
    read=read_series,
    columns=("time_column", "series_column", "target", "past", "known", "static"),
    unit="series",
    asks=False,
    use="keepgate forecast {model} data.csv",
    examples="windows",
    loss_unit="",
    reread=reread,
    spills=True,
    measures_files=True,
    hold_out=hold_out,
)
