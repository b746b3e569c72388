"""Reports of the lens: figures, pages, text and files of explanations and diagnoses."""

from .automaton import AutomatonReport, automaton
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
    "LANGUAGES", "AutomatonReport", "ExplanationReport", "Figure", "FixedPointsReport", "Language", "ModelReport",
    "Report", "VerdictReport", "automaton", "examine", "explain", "fixed_points",
]  # fmt: skip
