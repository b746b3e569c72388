"""The automaton of a layer, drawn in the plane of the visited states' first two principal components."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from markupsafe import Markup
from torch import Tensor

from ...charts.svg import picture, tag, text
from ...errors import SettingsError
from ...wording import msg
from ..capture.layer_run import LayerRun
from ..gradients.automaton import LayerAutomaton
from ..gradients.automaton import automaton as find_automaton
from .figure import Figure, standing_alone
from .labels import Language, catalog_language, render

WIDTH, HEIGHT, MARGIN = 560.0, 440.0, 84.0
RADIUS = 17.0  # of a state's circle


@dataclass(frozen=True, kw_only=True, eq=False)
class AutomatonReport(LayerAutomaton):
    """An automaton that shows itself. symbols: their names. language: "en" or "zh-TW"."""

    symbols: tuple[str, ...]
    language: Language = "en"

    def figure(self) -> Figure:
        """The minimal automaton's states where the layer holds them, and an arrow for each symbol that leads on."""
        return standing_alone("automaton", draw_automaton(self, catalog_language(self.language)))

    def _repr_html_(self) -> str:
        return self.figure()._repr_html_()

    def __repr__(self) -> str:
        return described(self, catalog_language(self.language))


def automaton(
    layer_run: LayerRun,
    inputs: Float[Tensor, "symbols features"],
    answer: Callable[..., Tensor],
    *,
    rest: Float[Tensor, " features"] | Sequence[float] | None = None,
    symbols: Sequence[str] | None = None,
    layer: int = -1,
    starts: int = 128,
    language: Language = "en",
) -> AutomatonReport:
    """The automaton that a layer has become, from the fixed points under the input that rests, or under each input.

    Arguments and errors are those of `lens.gradients.automaton`, whose `symbols` are `inputs` here.
    symbols: names of the inputs; None takes their numbers.
    `.minimal()` is the smallest that answers alike, `.figure()` shows it.
    Raises SettingsError for as many names as there are no inputs.
    """
    catalog_language(language)
    names = tuple(map(str, range(len(inputs)))) if symbols is None else tuple(symbols)
    if len(names) != len(inputs):
        raise SettingsError(f"there are {len(names)} names for {len(inputs)} inputs; give one for each")
    layer_automaton = find_automaton(layer_run, inputs, answer, rest=rest, layer=layer, starts=starts)
    return AutomatonReport(**vars(layer_automaton), symbols=names, language=language)


def described(automaton: AutomatonReport, language: str) -> str:
    """How many states the smallest automaton has, from how many points, and where each symbol leads."""
    minimal = automaton.minimal()
    lines = [
        f"{state} ({int(minimal.answers[state])}): "
        + ", ".join(f"{name} → {_number(after)}" for name, after in zip(automaton.symbols, row, strict=True))
        for state, row in enumerate(minimal.transitions.tolist())
    ]
    key = msg("automaton.description", states=len(minimal), points=len(automaton))
    return " ".join([render(key, language), *(f"{line}." for line in lines)])


def draw_automaton(automaton: AutomatonReport, language: str) -> Markup:
    """Visited states as small dots, stable points as small rings, each state of the minimal automaton as a circle."""
    minimal, classes = automaton.minimal(), automaton.classes()
    plane = automaton.held[0].onto_plane
    visited, points = plane(automaton.held[0].visited), plane(automaton.points)
    low, high = visited.min(0).values, visited.max(0).values
    size = (high - low).clamp(min=1e-12)
    places = ((torch.cat([visited, points]) - low) / size).clamp(-0.05, 1.05)
    across = MARGIN + places[:, 0] * (WIDTH - 2 * MARGIN)
    up = HEIGHT - MARGIN - places[:, 1] * (HEIGHT - 2 * MARGIN)
    dots, rings = torch.stack([across, up], 1).split_with_sizes([len(visited), len(points)])
    centres = [tuple(rings[classes == state].mean(0).tolist()) for state in range(len(minimal))]
    middle = (WIDTH / 2, HEIGHT / 2)
    parts = [tag("circle", cx=x, cy=y, r=1.4, class_="mark series-0") for x, y in dots.tolist()]
    parts += [tag("circle", cx=x, cy=y, r=4.0, class_="arc", fill="none") for x, y in rings.tolist()]
    for state, row in enumerate(minimal.transitions.tolist()):
        for after in sorted({after for after in row if after >= 0}):
            named = ", ".join(name for name, end in zip(automaton.symbols, row, strict=True) if end == after)
            parts += _arrow(centres[state], centres[after], middle, named)
    for (x, y), answer in zip(centres, minimal.answers.tolist(), strict=True):
        parts += [
            tag("circle", cx=x, cy=y, r=RADIUS, class_="dot"),
            text(x, y + 4.5, str(answer), "dot-number", "middle"),
        ]
    names = [
        text(WIDTH - 10, HEIGHT - 8, render(msg("fixed_points.x"), language), "small", "end"),
        text(10, 16.0, render(msg("fixed_points.y"), language), "small"),
    ]
    title = render(msg("automaton.title"), language)
    return picture("automaton", title, described(automaton, language), WIDTH, HEIGHT, *parts, *names)


def _number(state: int) -> str:
    return str(state) if state >= 0 else "–"


def _arrow(
    start: tuple[float, float], end: tuple[float, float], middle: tuple[float, float], name: str
) -> list[Markup]:
    """A bent arrow from one circle to another, or a loop on the side away from the middle, with its name beside it."""
    if start == end:
        return _loop(start, middle, name)
    along = _unit(end[0] - start[0], end[1] - start[1])
    aside = (-along[1], along[0])
    length = math.dist(start, end)
    bend = min(40.0, 0.18 * length)
    begin = _moved(start, along, 0.9 * RADIUS, aside, 0.4 * RADIUS)
    tip = _moved(end, along, -0.9 * RADIUS, aside, 0.4 * RADIUS)
    control = _moved(((begin[0] + tip[0]) / 2, (begin[1] + tip[1]) / 2), along, 0.0, aside, bend)
    label = _moved(((begin[0] + tip[0]) / 2, (begin[1] + tip[1]) / 2), along, 0.0, aside, bend / 2 + 9)
    return [
        *_curve(begin, control, control, tip),
        text(label[0], label[1] + 4, name, "name series-1", "middle"),
    ]


def _loop(centre: tuple[float, float], middle: tuple[float, float], name: str) -> list[Markup]:
    away = _unit(centre[0] - middle[0], centre[1] - middle[1])
    aside = (-away[1], away[0])
    begin, tip = (_moved(centre, away, 0.9 * RADIUS, aside, side * 0.45 * RADIUS) for side in (-1, 1))
    first, second = (_moved(centre, away, 2.9 * RADIUS, aside, side * 1.4 * RADIUS) for side in (-1, 1))
    label = _moved(centre, away, 3.1 * RADIUS, aside, 0.0)
    return [*_curve(begin, first, second, tip), text(label[0], label[1] + 4, name, "name series-1", "middle")]


def _curve(begin: Any, first: Any, second: Any, tip: Any) -> list[Markup]:
    d = f"M{_pair(begin)}C{_pair(first)} {_pair(second)} {_pair(tip)}"
    back = _unit(second[0] - tip[0], second[1] - tip[1])
    side = (-back[1], back[0])
    corners = [tip, _moved(tip, back, 9.0, side, 4.0), _moved(tip, back, 9.0, side, -4.0)]
    head = " ".join(_pair(corner) for corner in corners)
    return [
        tag("path", d=d, class_="line series-1", fill="none"),
        tag("polygon", points=head, class_="mark series-1"),
    ]


def _pair(place: tuple[float, float]) -> str:
    return f"{place[0]:.1f},{place[1]:.1f}"


def _unit(x: float, y: float) -> tuple[float, float]:
    length = math.hypot(x, y)
    return (x / length, y / length) if length else (0.0, -1.0)


def _moved(
    place: tuple[float, float],
    along: tuple[float, float],
    far: float,
    aside: tuple[float, float],
    wide: float,
) -> tuple[float, float]:
    return place[0] + far * along[0] + wide * aside[0], place[1] + far * along[1] + wide * aside[1]
