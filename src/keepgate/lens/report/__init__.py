"""All that the lens draws, says and writes."""

from .figure import Figure
from .language import LANGUAGES, Language
from .show import Look, Report, VerdictReport, examine, look

__all__ = ["LANGUAGES", "Figure", "Language", "Look", "Report", "VerdictReport", "examine", "look"]
