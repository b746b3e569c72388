"""Fixed points in the plane of the visited states' first two principal components, as SVG and on matplotlib."""

from typing import Any

from markupsafe import Markup

from ...charts.svg import picture, tag, text
from ...wording import msg
from ..gradients.fixed_points import FixedPoints
from .labels import render
from .plot import new_axes

WIDTH, HEIGHT, MARGIN = 520.0, 400.0, 30.0


def kinds(points: FixedPoints) -> list[str]:
    """What each point is: "stable", "unstable" or "slow"."""
    pairs = zip(points.is_fixed.tolist(), points.is_stable.tolist(), strict=True)
    return ["stable" if stable else "unstable" if fixed else "slow" for fixed, stable in pairs]


def described(points: FixedPoints, language: str) -> str:
    """How many there are of each kind."""
    point_kinds = kinds(points)
    counts = {kind: point_kinds.count(kind) for kind in ("stable", "unstable", "slow")}
    return render(msg("fixed_points.description", **counts), language)


def draw_phase_plane(points: FixedPoints, language: str) -> Markup:
    """Visited states as small dots; stable points filled, unstable ones as rings, slow ones as small rings."""
    places, visited = points.plane()
    low, high = visited.min(0).values, visited.max(0).values
    size = (high - low).clamp(min=1e-12)

    def at(place: Any) -> tuple[float, float]:
        x, y = ((place - low) / size).clamp(-0.05, 1.05).tolist()
        return MARGIN + x * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - y * (HEIGHT - 2 * MARGIN)

    dots = [tag("circle", cx=x, cy=y, r=1.6, class_="mark series-0") for x, y in map(at, visited)]
    rings = []
    for kind, (x, y) in zip(kinds(points), map(at, places), strict=True):
        class_ = "dot" if kind == "stable" else "arc"
        fill = {} if kind == "stable" else {"fill": "none", "stroke_width": 2.2}
        rings.append(tag("circle", cx=x, cy=y, r=4.0 if kind == "slow" else 7.0, class_=class_, **fill))
    names = [
        text(WIDTH - MARGIN, HEIGHT - 8, render(msg("fixed_points.x"), language), "small", "end"),
        text(MARGIN, 16.0, render(msg("fixed_points.y"), language), "small"),
    ]
    title = render(msg("fixed_points.title"), language)
    return picture("fixed-points", title, described(points, language), WIDTH, HEIGHT, *dots, *rings, *names)


def plot_phase_plane(points: FixedPoints, ax: Any, language: str) -> Any:
    """The same in an Axes of matplotlib, a new one where it is None; gives the Axes."""
    ax = new_axes((5.2, 4.0)) if ax is None else ax
    places, visited = points.plane()
    ax.plot(*visited.T.tolist(), ".", color="gray", markersize=3)
    for kind, marker, fill in (("stable", "o", "full"), ("unstable", "o", "none"), ("slow", "s", "none")):
        chosen = [place for place, own in zip(places.tolist(), kinds(points), strict=True) if own == kind]
        if chosen:
            label = render(msg(f"fixed_points.{kind}"), language)
            ax.plot(*zip(*chosen, strict=True), marker, fillstyle=fill, markersize=9, label=label)
    ax.legend()
    ax.set(
        title=render(msg("fixed_points.title"), language), xlabel=render(msg("fixed_points.x"), language),
        ylabel=render(msg("fixed_points.y"), language),
    )  # fmt: skip
    return ax
