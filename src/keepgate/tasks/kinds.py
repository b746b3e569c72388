"""The tasks, written out."""

from .choice.kind import KIND as CHOICE
from .choice.reader import ChoiceReader
from .classifier.classifier import Classifier
from .classifier.kind import KIND as CLASSIFIER
from .forecaster.forecaster import Forecaster
from .forecaster.kind import KIND as FORECASTER
from .kind import TaskKind
from .language_model.kind import KIND as LANGUAGE_MODEL
from .language_model.model import LanguageModel
from .span.kind import KIND as SPAN
from .span.reader import SpanReader
from .tagger.kind import KIND as TAGGER
from .tagger.tagger import Tagger

__all__ = [
    "KINDS",
    "ChoiceReader",
    "Classifier",
    "Forecaster",
    "LanguageModel",
    "SpanReader",
    "Tagger",
    "TaskKind",
]

# By the kind that a model's files name.
KINDS: dict[str, TaskKind] = {
    kind.name: kind for kind in (CHOICE, CLASSIFIER, FORECASTER, LANGUAGE_MODEL, SPAN, TAGGER)
}
