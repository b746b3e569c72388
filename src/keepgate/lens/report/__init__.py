"""All that the lens draws, says and writes."""

from .figure import (
    Figure,
)
from .language import (
    LANGUAGES,
    Language,
)
from .show import (
    DiagnosisReport,
    ExplanationReport,
    VerdictReport,
    examine,
    explain,
)

__all__ = [
    "LANGUAGES",
    "DiagnosisReport",
    "ExplanationReport",
    "Figure",
    "Language",
    "VerdictReport",
    "examine",
    "explain",
]
