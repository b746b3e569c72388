"""All that the lens draws, says and writes."""

from .figure import Figure
from .language import LANGUAGES, Language
from .show import ExplanationReport, Report, VerdictReport, examine, explain

__all__ = [
    "LANGUAGES", "ExplanationReport", "Figure", "Language", "Report", "VerdictReport", "examine", "explain",
]  # fmt: skip
