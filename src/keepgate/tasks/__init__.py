"""States → answer: each task is a folder with a head, a loss, metrics and a recipe. kinds.py lists them."""

from ..lazy import lazy_exports

_EXPORTS = {
    "choice.reader": ("ChoiceReader",),
    "classifier.classifier": ("Classifier",),
    "forecaster.forecaster": ("Forecaster",),
    "kind": ("TaskKind",),
    "kinds": ("KINDS",),
    "language_model.model": ("LanguageModel",),
    "multilabel.classifier": ("MultilabelClassifier",),
    "pointer.reader": ("PointerReader",),
    "series_classifier.classifier": ("SeriesClassifier",),
    "span.reader": ("SpanReader",),
    "tagger.tagger": ("Tagger",),
}

__all__ = [name for names in _EXPORTS.values() for name in names]

__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
