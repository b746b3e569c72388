"""Pictures of the formal languages: accuracy against length, a curve for each network and a band over its seeds."""

from statistics import fmean

from ...charts import Curve, Curves, Level, draw_curves, linear
from ...errors import SettingsError
from ...lens.report.figure import Figure, standing_alone
from ...wording import Catalog, known_percent, msg, percent
from .networks import TRANSFORMER
from .result import FormalComparison, Trained

_CATALOG = Catalog("keepgate.demo.formal")
STYLES = 4  # colours that a figure which stands alone has
WIDTH, HEIGHT = 720.0, 330.0


def name_of(network: str, language: str = "en") -> str:
    """A network's name as it is shown. language: "en" or "zh"."""
    return (
        _CATALOG.render(msg("network.transformer"), language) if network == TRANSFORMER else network.upper()
    )


def accuracy_curves(result: FormalComparison, formal_language: str, language: str = "en") -> Curves:
    """Mean accuracy of each network by length, with its range. language: of the words, "en" or "zh".

    Raises SettingsError for a formal language that was not measured.
    """
    networks = [trained for trained in result.trained if trained.language == formal_language]
    if not networks:
        raise SettingsError(f"{formal_language} was not measured; measured was {result.trained[0].language}")
    words = {
        key: _CATALOG.render(
            msg(f"accuracy.{key}", language=formal_language, longest=str(result.longest)), language
        )
        for key in ("title", "x", "y", "chance")
    }
    first, last = min(result.lengths), max(result.lengths)
    return Curves(
        title=words["title"],
        description=" ".join(_described(trained, result, language) for trained in networks),
        x=linear(first, last, [(length, str(length)) for length in result.lengths if length >= 100 or length == first]),
        y=linear(0.0, 1.0, [(quarter / 4, known_percent(quarter / 4)) for quarter in range(5)]),
        x_name=words["x"], y_name=words["y"],
        curves=[_curve(trained, style % STYLES, result, language) for style, trained in enumerate(networks)],
        levels=[Level(value=networks[0].chance, name=words["chance"])],
    )  # fmt: skip


def accuracy_figure(result: FormalComparison, formal_language: str, language: str = "en") -> Figure:
    """The same as a picture that stands alone."""
    curves = accuracy_curves(result, formal_language, language)
    return standing_alone("accuracy", draw_curves(curves, "accuracy", WIDTH, HEIGHT, "curves"))


def _curve(trained: Trained, style: int, result: FormalComparison, language: str) -> Curve:
    values = [[run.accuracy[length] for run in trained.runs] for length in result.lengths]
    return Curve(
        name=name_of(trained.network, language), style=style, xs=result.lengths,
        ys=[*map(fmean, values)], lows=[*map(min, values)], highs=[*map(max, values)],
    )  # fmt: skip


def _described(trained: Trained, result: FormalComparison, language: str) -> str:
    values = ", ".join(
        f"{length}: {percent(fmean(run.accuracy[length] for run in trained.runs))}"
        for length in result.lengths
    )
    text = msg("accuracy.description", network=name_of(trained.network, language), values=values)
    return _CATALOG.render(text, language)
