"""KINDS: the tasks, written out, by the kind that a model's files name."""

from .choice.kind import KIND as CHOICE
from .classifier.kind import KIND as CLASSIFIER
from .forecaster.kind import KIND as FORECASTER
from .kind import TaskKind
from .language_model.kind import KIND as LANGUAGE_MODEL
from .multilabel.kind import KIND as MULTILABEL
from .pointer.kind import KIND as POINTER
from .series_classifier.kind import KIND as SERIES_CLASSIFIER
from .span.kind import KIND as SPAN
from .tagger.kind import KIND as TAGGER

KINDS: dict[str, TaskKind] = {
    kind.name: kind
    for kind in (
        CHOICE,
        CLASSIFIER,
        FORECASTER,
        LANGUAGE_MODEL,
        MULTILABEL,
        POINTER,
        SERIES_CLASSIFIER,
        SPAN,
        TAGGER,
    )
}
