"""What the lens found, drawn: figures for papers, a look in a notebook, and one page that needs no network."""

from collections.abc import Callable
from typing import TypeVar

from markupsafe import Markup

from ...errors import SettingsError, nearest_first
from ..diagnosis.diagnosis import Diagnosis as Report
from ..readers.explanation import Explanation as Look
from .arcs import draw_arcs
from .curves import (
    gradient_of_look,
    gradient_of_report,
    half_life_of_look,
    half_life_of_report,
    horizon_of_report,
)
from .diagnosis_text import asked_said, report_said, verdict_said
from .figure import Figure, standing_alone
from .html import fragment, page, summary
from .labels import SHORT, short_name
from .language import refuse_unknown
from .retention_plot import draw_erased
from .strips import draw_strips

__all__ = [
    "Figure",
    "asked_said",
    "figure_of_look",
    "figure_of_report",
    "fragment",
    "page",
    "report_said",
    "summary",
    "verdict_said",
]

WIDTH = 900.0
Drawing = TypeVar("Drawing")

_OF_LOOK: dict[str, Callable[[Look, str], Markup]] = {
    "gates": lambda look, language: draw_strips(look, language, "figure", WIDTH),
    "carriers": lambda look, language: draw_arcs(look, language, "figure", WIDTH, "wide"),
    "erased": lambda look, language: draw_erased(look, language, "figure", WIDTH, "wide"),
    "half_life": lambda look, language: half_life_of_look(look, language, "figure", WIDTH, "wide"),
    "gradient": lambda look, language: gradient_of_look(look, language, "figure", WIDTH, "wide"),
}
_OF_REPORT: dict[str, Callable[[Report, str], Markup]] = {
    "half_life": lambda report, language: half_life_of_report(report, language, "figure", WIDTH),
    "gradient": lambda report, language: gradient_of_report(report, language, "figure", WIDTH),
    "horizon": lambda report, language: horizon_of_report(report, language, "figure", WIDTH),
}
_NEED_GATES = ("erased", "half_life")


def figure_of_look(look: Look, name: str, language: str) -> Figure:
    """One figure of a look. Raises SettingsError as `Look.figure` does."""
    draw = _known(name, _OF_LOOK)
    refuse_unknown(language)
    if name in _NEED_GATES and not look.gated:
        raise _no_gates(name, short_name(look))
    return standing_alone(name, draw(look, SHORT[language]))


def figure_of_report(report: Report, name: str, language: str) -> Figure:
    """One figure of what `examine` found. Raises SettingsError as `Report.figure` does."""
    draw = _known(name, _OF_REPORT)
    refuse_unknown(language)
    if name in _NEED_GATES and not len(report.half_lives):
        raise _no_gates(name, report.name)
    return standing_alone(name, draw(report, SHORT[language]))


def _known(name: str, figures: dict[str, Drawing]) -> Drawing:
    if name not in figures:
        raise SettingsError(
            f"there is no figure {name!r}; choose one of {', '.join(nearest_first(name, figures))}"
        )
    return figures[name]


def _no_gates(name: str, network: str) -> SettingsError:
    return SettingsError(
        f"there is no figure {name!r} of {network}: without a gate that keeps nothing is written apart from the rest, "
        "so nothing of it can be left or erased; 'gradient' shows how far back it is sensitive"
    )
