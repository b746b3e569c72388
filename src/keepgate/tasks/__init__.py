"""States → answer: each task is a folder with a head, a loss, metrics and a recipe. The list is written out."""

from . import choice, classifier, forecaster, language_model, span, tagger
from .choice import ChoiceReader
from .classifier import Classifier
from .forecaster import Forecaster
from .kind import TaskKind
from .language_model import LanguageModel
from .span import SpanReader
from .tagger import Tagger

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
    kind.name: kind
    for kind in (choice.KIND, classifier.KIND, forecaster.KIND, language_model.KIND, span.KIND, tagger.KIND)
}
