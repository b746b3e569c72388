"""Bundles that read series → models of the page, with the series of the files that were given."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ...errors import CorpusError
from ...tasks.forecaster.forecaster import Forecaster
from ...tasks.series_classifier.classifier import SeriesClassifier
from ...tasks.task import Task
from .classifier import SeriesClassifierModel
from .forecaster import ForecasterModel
from .model import Item, SeriesModel


def series_model(id: str, name: str, task: Task) -> SeriesModel | None:
    """The model on the page for series; None for a task that reads no series."""
    if isinstance(task, Forecaster):
        return ForecasterModel(id=id, name=name, task=task)
    if isinstance(task, SeriesClassifier):
        return SeriesClassifierModel(id=id, name=name, task=task)
    return None


def with_data(models: Iterable[SeriesModel], paths: Sequence[Path]) -> Iterator[SeriesModel]:
    """The models with the series of the files that each can read. Raises CorpusError for a file that none can."""
    models = list(models)
    faults: dict[Path, CorpusError] = {}
    readable_paths: set[Path] = set()
    for model in models:
        items: list[Item] = []
        for path in paths:
            try:
                items += model.in_file(path)
            except CorpusError as fault:
                faults[path] = fault
            else:
                readable_paths.add(path)
        yield replace(model, data=items)
    for path in paths:
        if path not in readable_paths:
            raise faults[path]
