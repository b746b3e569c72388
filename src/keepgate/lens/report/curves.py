"""An explanation's half-lives and saliency as curves: which numbers go into each, and how they are named."""

from collections.abc import Sequence

from markupsafe import Markup

from ...charts import Axis, Curve, Curves, Level, draw_curves, linear, logarithmic, round_ticks
from ...wording import count, decade, msg
from ..readers.explanation import Explanation
from .explanation_text import gradient as gradient_said
from .explanation_text import half_life as half_life_said
from .labels import paragraph, render

# A curve needs no more points: two for each three pixels.
POINTS = 600
# What is smaller than this, relative to the most, is drawn on the lane of what is gone.
FAINT = 1e-30
SOLID = 3  # one of the styles that charts draw lines in


def half_life_of_explanation(
    explanation: Explanation, language: str, identity: str, width: float, class_: str
) -> Markup:
    """Each unit's half-life, the shortest first, beside the length of the text."""
    halves = sorted(value for part in explanation.direction_summaries for value in part.half_lives.tolist())
    units, length = len(halves), len(explanation.tokens)
    content = Curves(
        title=render(msg("half_life.title"), language), description=paragraph(half_life_said(explanation), language),
        x=linear(1, max(units, 2), [(at, count(at)) for at in round_ticks(1, units)]),
        y=logarithmic([*halves, float(length)], lambda value: count(value) if value >= 1 else decade(value)),
        x_name=render(msg("half_life.x"), language), y_name=render(msg("half_life.y"), language),
        curves=[Curve(name="", style=SOLID, xs=range(1, units + 1), ys=halves)],
        levels=[Level(value=float(length), name=render(msg("half_life.length", n=count(length)), language))],
    )  # fmt: skip
    return draw_curves(content, identity, width, 320.0, class_)


def saliency_of_explanation(
    explanation: Explanation, language: str, identity: str, width: float, class_: str
) -> Markup:
    """How sensitive the answer is to the state after each token, relative to the most."""
    most = max(float(explanation.saliency.max()), 1e-300)
    tokens = len(explanation.tokens)
    steps = _thinned(tokens)
    values = [float(explanation.saliency[step]) / most for step in steps]
    content = Curves(
        title=render(msg("gradient.title"), language), description=paragraph(gradient_said(explanation), language),
        x=linear(1, max(tokens, 2), [(at, count(at)) for at in round_ticks(1, tokens)]), y=_falling(values),
        x_name=render(msg("gradient.x"), language), y_name=render(msg("gradient.y"), language),
        curves=[Curve(name="", style=SOLID, xs=[step + 1 for step in steps], ys=values)],
    )  # fmt: skip
    return draw_curves(content, identity, width, 320.0, class_)


def _falling(values: Sequence[float]) -> Axis:
    """A logarithmic axis for shares of the most, whose faintest values stand on a lane of their own."""
    return logarithmic(
        [*(value for value in values if value >= FAINT), *([0.0] if min(values) < FAINT else [])], decade
    )


def _thinned(count_: int) -> list[int]:
    """So many places of a curve that it stays one; the first and the last always."""
    step = max(1, count_ // POINTS)
    found = list(range(0, count_, step))
    return found if not found or found[-1] == count_ - 1 else [*found, count_ - 1]
