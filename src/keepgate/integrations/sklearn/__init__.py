"""Tasks as scikit-learn estimators, one for each kind."""

from ...errors import PackageMissing

try:
    from .base import TaskEstimator
    from .forecaster import TimeSeriesForecaster
    from .language_model import TextLanguageModel
    from .readers import TextChoiceReader, TextPointerReader, TextSpanReader
    from .series_classifier import TimeSeriesClassifier
    from .tagger import TokenTagger
    from .text_classifiers import MultilabelTextClassifier, TextClassifier
except ModuleNotFoundError as missing:
    raise PackageMissing(
        f"keepgate.integrations.sklearn needs {missing.name}, which is not installed; run: "
        "pip install 'keepgate[sklearn]'",
        name=missing.name,
    ) from missing

__all__ = [
    "MultilabelTextClassifier",
    "TaskEstimator",
    "TextChoiceReader",
    "TextClassifier",
    "TextLanguageModel",
    "TextPointerReader",
    "TextSpanReader",
    "TimeSeriesClassifier",
    "TimeSeriesForecaster",
    "TokenTagger",
]
