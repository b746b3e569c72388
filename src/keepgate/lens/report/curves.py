"""Half-lives, sensitivity, gradient and horizon as curves: which numbers go into each, and how they are named."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from ...charts import Axis, Curve, Curves, Level, draw_curves, linear, logarithmic, round_ticks
from ...wording import Message, amount, count, decade, msg, percent
from ..diagnosis.diagnosis import Diagnosis
from ..readers.explanation import Explanation
from ..thresholds import VANISHED
from .explanation_text import gradient as gradient_said
from .explanation_text import half_life as half_life_said
from .explanation_text import half_lives_said
from .labels import paragraph, render, sentence

# A curve needs no more points: two for each three pixels.
POINTS = 600
# What is smaller than this, relative to the most, is drawn on the lane of what is gone.
FAINT = 1e-30
# Two of the styles that charts draw lines in.
SOLID, DASHED = 3, 1


def half_life_of_explanation(
    explanation: Explanation, language: str, identity: str, width: float, class_: str
) -> Markup:
    """Each unit's half-life, the shortest first, beside the length of the text."""
    halves = sorted(value for one in explanation.direction_summaries for value in one.half_lives.tolist())
    length = len(explanation.tokens)
    level = (float(length), msg("half_life.length", n=count(length)))
    return _half_lives(
        halves, level, "half_life.y", half_life_said(explanation), language, identity, width, class_
    )


def half_life_of_diagnosis(diagnosis: Diagnosis, language: str, identity: str, width: float) -> Markup:
    """The same over the rows that a model was examined with, beside what is needed."""
    halves = sorted(diagnosis.half_lives.tolist())
    level = (float(diagnosis.needed), msg("half_life.needed", n=count(diagnosis.needed)))
    said = [half_lives_said("half_life.said_steps", halves, diagnosis.needed)]
    return _half_lives(halves, level, "half_life.y_steps", said, language, identity, width, "wide")


def _half_lives(
    halves: Sequence[float], level: tuple[float, Message], y_name: str, said: Sequence[Message], language: str,
    identity: str, width: float, class_: str,
) -> Markup:  # fmt: skip
    units = len(halves)
    y = logarithmic([*halves, level[0]], lambda value: count(value) if value >= 1 else decade(value))
    content = Curves(
        title=render(msg("half_life.title"), language), description=paragraph(said, language),
        x=linear(1, max(units, 2), [(at, count(at)) for at in round_ticks(1, units)]), y=y,
        x_name=render(msg("half_life.x"), language), y_name=render(msg(y_name), language),
        curves=[Curve(name="", style=SOLID, xs=range(1, units + 1), ys=halves)],
        levels=[Level(value=level[0], name=render(level[1], language))],
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


def gradient_of_diagnosis(diagnosis: Diagnosis, language: str, identity: str, width: float) -> Markup:
    """Gradient against lag, and the share that the memory alone carries."""
    lags = _thinned(len(diagnosis.gradient))
    curves = [("gradient.gradient", SOLID, diagnosis.gradient)]
    if diagnosis.carried is not None:
        curves.append(("gradient.carried", DASHED, diagnosis.carried))
    lines = [
        Curve(
            name=render(msg(name), language),
            style=style,
            xs=lags,
            ys=[float(values[lag]) if lag < len(values) else math.nan for lag in lags],
        )
        for name, style, values in curves
    ]
    last = len(diagnosis.gradient) - 1
    said = (
        msg("gradient.said_reaches", share=percent(float(diagnosis.gradient[-1])), n=count(last))
        if diagnosis.gone is None
        else msg("gradient.said_gone", n=count(diagnosis.gone))
    )
    everything = [value for line in lines for value in line.ys]
    content = Curves(
        title=render(msg("gradient.title_lag"), language), description=sentence(said, language),
        x=linear(0, max(last, 1), [(at, count(at)) for at in round_ticks(0, last)]),
        y=logarithmic([*everything, VANISHED], decade),
        x_name=render(msg("gradient.x_lag"), language), y_name=render(msg("gradient.y_lag"), language),
        curves=lines, levels=[Level(value=VANISHED, name=render(msg("gradient.gone"), language))],
    )  # fmt: skip
    return draw_curves(content, identity, width, 360.0, "wide")


def horizon_of_diagnosis(diagnosis: Diagnosis, language: str, identity: str, width: float) -> Markup:
    """What the loss rises given the last steps only, and what counts as too short."""
    behaviour = diagnosis.behaviour
    low, high = behaviour.interval
    values = behaviour.gap.tolist()
    top = max(*values, behaviour.epsilon) * 1.05
    bottom = min(*values, 0.0)
    said = msg("horizon.said", n=count(behaviour.steps), low=count(low), high=count(high))
    spots = [float(context) for context in behaviour.contexts]
    furthest = math.log(max(spots[-1], 2))
    content = Curves(
        title=render(msg("horizon.title"), language), description=sentence(said, language),
        x=Axis(
            ticks=tuple((float(at), count(at)) for at in _decades(behaviour.contexts[-1])),
            scale=lambda value: math.log(max(value, 1)) / furthest,
        ),
        y=linear(bottom, top, [(value, amount(value, 2)) for value in _even(bottom, top)]),
        x_name=render(msg("horizon.x"), language), y_name=render(msg("horizon.y"), language),
        curves=[Curve(name=render(msg("horizon.gap"), language), style=SOLID, xs=spots, ys=values)],
        levels=[
            Level(
                value=behaviour.epsilon,
                name=render(msg("horizon.epsilon", value=amount(behaviour.epsilon, 2)), language),
            )
        ],
    )  # fmt: skip
    return draw_curves(content, identity, width, 360.0, "wide")


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


def _decades(last: int) -> list[int]:
    found = [size * 10**power for power in range(9) for size in (1, 2, 5) if size * 10**power <= last]
    return found[:: 1 + len(found) // 10]


def _even(bottom: float, top: float) -> list[float]:
    step = next(
        size * 10.0**power for power in range(-6, 9) for size in (1, 2, 5)
        if (top - bottom) / (size * 10.0**power) <= 6
    )  # fmt: skip
    return [k * step for k in range(math.ceil(bottom / step), math.floor(top / step) + 1)]
