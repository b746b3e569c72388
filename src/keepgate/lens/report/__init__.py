"""Reports of the lens: figures, pages, text and files of explanations and diagnoses."""

from .figure import Figure
from .labels import LANGUAGES, Language
from .show import (
    ExplanationReport,
    FixedPointsReport,
    ModelReport,
    Report,
    VerdictReport,
    examine,
    explain,
    fixed_points,
)

__all__ = [
    "LANGUAGES", "ExplanationReport", "Figure", "FixedPointsReport", "Language", "ModelReport", "Report",
    "VerdictReport", "examine", "explain", "fixed_points",
]  # fmt: skip
