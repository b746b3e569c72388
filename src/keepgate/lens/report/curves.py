"""An explanation's half-lives and saliency as curves: which numbers go into each, and how they are named."""

from collections.abc import Sequence

from markupsafe import Markup

from ...charts import Curve, Curves, Level, draw_curves, linear, logarithmic, round_ticks
from ...wording import count, decade, msg
from ..readers.explanation import Explanation
from . import explanation_text
from .labels import paragraph, render, worded

POINTS = 600  # a curve needs no more: two for each three pixels
FAINT = 1e-30  # what is smaller, relative to the most, is drawn on the lane of what is gone
SOLID = 3  # one of the styles that charts draw lines in


def draw_half_life(
    explanation: Explanation, language: str, identity: str, width: float, class_: str
) -> Markup:
    """Each unit's half-life, the shortest first, beside the length of the text."""
    half_lives, length = explanation_text.sorted_half_lives(explanation), len(explanation.tokens)
    units = len(half_lives)
    level_name = render(worded(explanation, "half_life.length", n=count(length)), language)
    content = Curves(
        title=render(msg("half_life.title"), language),
        description=paragraph(explanation_text.half_life(explanation), language),
        x=linear(1, max(units, 2), [(unit, count(unit)) for unit in round_ticks(1, units)]),
        y=logarithmic([*half_lives, float(length)], lambda value: count(value) if value >= 1 else decade(value)),
        x_name=render(msg("half_life.x"), language), y_name=render(worded(explanation, "half_life.y"), language),
        curves=[Curve(name="", style=SOLID, xs=range(1, units + 1), ys=half_lives)],
        levels=[Level(value=float(length), name=level_name)],
    )  # fmt: skip
    return draw_curves(content, identity, width, 320.0, class_)


def draw_saliency(
    explanation: Explanation, language: str, identity: str, width: float, class_: str
) -> Markup:
    """How sensitive the answer is to the state after each token, relative to the most."""
    tokens = len(explanation.tokens)
    steps = _thinned(tokens)
    values = explanation.relative_saliency[steps].tolist()
    # Values too faint for the axis stand on a lane of their own.
    on_axis = [value if value >= FAINT else 0.0 for value in values]
    content = Curves(
        title=render(worded(explanation, "gradient.title"), language),
        description=paragraph(explanation_text.saliency(explanation), language),
        x=linear(1, max(tokens, 2), [(step, count(step)) for step in round_ticks(1, tokens)]),
        y=logarithmic(on_axis, decade),
        x_name=render(worded(explanation, "gradient.x"), language), y_name=render(msg("gradient.y"), language),
        curves=[Curve(name="", style=SOLID, xs=[step + 1 for step in steps], ys=values)],
    )  # fmt: skip
    return draw_curves(content, identity, width, 320.0, class_)


def _thinned(steps: int) -> Sequence[int]:
    """At most about `POINTS` of the steps, evenly; the first and the last always."""
    stride = max(1, steps // POINTS)
    return sorted({*range(0, steps, stride), steps - 1})
