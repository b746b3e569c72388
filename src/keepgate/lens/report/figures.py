"""Figures of an explanation for papers, by name."""

from ...errors import SettingsError, nearest_first
from ..diagnosis.diagnosis import Diagnosis
from ..readers.explanation import Explanation
from .arcs import draw_arcs
from .curves import draw_half_life, draw_saliency
from .figure import Figure, standing_alone
from .labels import catalog_language, short_name
from .model_figures import draw_look_back, draw_shares
from .plot import DIAGNOSIS_PLOTS, EXPLANATION_PLOTS, plot
from .retention_plot import draw_retention
from .series_figure import draw_series
from .strips import draw_strips

WIDTH = 900.0

DRAWINGS = {
    "gates": draw_strips, "token_effects": draw_arcs, "retention": draw_retention, "half_life": draw_half_life,
    "saliency": draw_saliency, "shares": draw_shares, "look_back": draw_look_back, "series": draw_series,
}  # fmt: skip
_OF_MODELS = ("shares", "look_back")
_NEED_GATES = ("retention", "half_life")


def figure_of_explanation(explanation: Explanation, name: str, language: str) -> Figure:
    """One figure of an explanation. Raises SettingsError as `ExplanationReport.figure` does."""
    check_figure(explanation, name, language)
    drawn = DRAWINGS[name](explanation, catalog_language(language), "figure", WIDTH, "wide")
    return standing_alone(name, drawn, draw=lambda ax: plot(explanation, name, ax, language))


def check_figure(numbers: Explanation | Diagnosis, name: str, language: str) -> None:
    """Raises SettingsError for an unknown figure or language, or a figure that needs gates where there are none."""
    if isinstance(numbers, Explanation):
        names, gated, network = EXPLANATION_PLOTS, numbers.gated, short_name(numbers)
    else:
        names, gated, network = DIAGNOSIS_PLOTS, len(numbers.half_lives) > 0, numbers.name
    if name not in names:
        raise SettingsError(
            f"there is no figure {name!r}; choose one of {', '.join(nearest_first(name, names))}"
        )
    catalog_language(language)
    if name in _OF_MODELS and getattr(numbers, name, None) is None:
        raise SettingsError(
            f"there is no figure {name!r} of this explanation: shares are those of a model of your own that can be "
            "differentiated, and a look-back is that of a batch of series"
        )
    if name == "series" and (not isinstance(numbers, Explanation) or numbers.labelled_series is None):
        raise SettingsError(
            "there is no figure 'series' of this explanation: it draws the values of a series that has a label, over "
            "its gates; 'gates' draws these alone"
        )
    if name in _NEED_GATES and not gated:
        raise SettingsError(
            f"there is no figure {name!r} of {network}: without a gate that "
            "keeps nothing is written apart from the rest, so nothing of it can be left or erased; 'saliency' shows "
            "how far back it is sensitive"
        )
