"""What the lens found, drawn: figures for papers, a look in a notebook, and one page that needs no network."""

from collections.abc import Callable

from markupsafe import Markup

from ...errors import SettingsError, nearest_first
from ..diagnosis.diagnosis import Diagnosis
from ..readers.explanation import Explanation
from .arcs import draw_arcs
from .curves import half_life_of_explanation, saliency_of_explanation
from .diagnosis_text import asked_said, report_said, verdict_said
from .figure import Figure, standing_alone
from .html import fragment, page, summary
from .labels import SHORT, short_name
from .language import refuse_unknown
from .plot import DIAGNOSIS_PLOTS, EXPLANATION_PLOTS, plot
from .retention_plot import draw_retention
from .strips import draw_strips

__all__ = [
    "Figure",
    "asked_said",
    "figure_of_explanation",
    "fragment",
    "page",
    "report_said",
    "summary",
    "verdict_said",
]

WIDTH = 900.0

_OF_EXPLANATION: dict[str, Callable[[Explanation, str], Markup]] = {
    "gates": lambda explanation, language: draw_strips(explanation, language, "figure", WIDTH),
    "token_effects": lambda explanation, language: draw_arcs(explanation, language, "figure", WIDTH, "wide"),
    "retention": lambda explanation, language: draw_retention(explanation, language, "figure", WIDTH, "wide"),
    "half_life": lambda explanation, language: half_life_of_explanation(
        explanation, language, "figure", WIDTH, "wide"
    ),
    "saliency": lambda explanation, language: saliency_of_explanation(
        explanation, language, "figure", WIDTH, "wide"
    ),
}
_NEED_GATES = ("retention", "half_life")


def figure_of_explanation(explanation: Explanation, name: str, language: str) -> Figure:
    """One figure of an explanation. Raises SettingsError as `ExplanationReport.figure` does."""
    check_figure(explanation, name, language)
    drawn = _OF_EXPLANATION[name](explanation, SHORT[language])
    return standing_alone(name, drawn, draw=lambda ax: plot(explanation, name, ax, language))


def check_figure(numbers: Explanation | Diagnosis, name: str, language: str) -> None:
    """Raises SettingsError for a figure or language that there is not, or one that needs gates where there are none."""
    explained = isinstance(numbers, Explanation)
    names = EXPLANATION_PLOTS if explained else DIAGNOSIS_PLOTS
    if name not in names:
        raise SettingsError(
            f"there is no figure {name!r}; choose one of {', '.join(nearest_first(name, names))}"
        )
    refuse_unknown(language)
    gated = numbers.gated if explained else bool(len(numbers.half_lives))
    if name in _NEED_GATES and not gated:
        raise _no_gates(name, short_name(numbers) if explained else numbers.name)


def _no_gates(name: str, network: str) -> SettingsError:
    return SettingsError(
        f"there is no figure {name!r} of {network}: without a gate that keeps nothing is written apart from the rest, "
        "so nothing of it can be left or erased; 'saliency' shows how far back it is sensitive"
    )
