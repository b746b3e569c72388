"""Reports of the lens: figures, pages, text and files of explanations and diagnoses."""

from .figure import Figure
from .labels import LANGUAGES, Language
from .show import ExplanationReport, Report, VerdictReport, examine, explain

__all__ = [
    "LANGUAGES", "ExplanationReport", "Figure", "Language", "Report", "VerdictReport", "examine", "explain",
]  # fmt: skip
