"""A classifier of texts: the first task that is no reader."""

from ...data.corpora.labelled import read_labelled
from ..kind import TaskKind
from .classifier import Classifier
from .recipe import recipe
from .settings import ClassifierSettings

__all__ = ["KIND", "Classifier", "ClassifierSettings"]

KIND = TaskKind(
    task=Classifier,
    recipe=recipe,
    read=read_labelled,
    columns=("text_column", "label_column"),
    unit="texts",
    asks=False,
    use="keepgate predict {model} FILE",
)
