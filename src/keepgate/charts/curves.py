"""Line chart: a line, markers and a name at its end for each curve, a band for the range over seeds."""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from markupsafe import Markup

from .axis import Axis
from .svg import DASHES, STYLES, marker, path, picture, tag, text

FONT = 14.0  # in the picture's own units, which are pixels at its natural width
LANE = 22.0  # height of the lanes for values beside the axis
FEW_POINTS = 12  # up to so many points each has its marker, beyond that only every so many


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One series: a name, values over positions (NaN: not known), and the lowest and highest over the seeds."""

    name: str
    style: int
    xs: Sequence[float]
    ys: Sequence[float]
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class Level:
    """Reference level: a value to compare every curve with, such as chance."""

    value: float
    name: str


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Content of a line chart, apart from its size."""

    title: str
    description: str
    x: Axis
    y: Axis
    x_name: str
    y_name: str
    curves: Sequence[Curve]
    levels: Sequence[Level] = field(default=())
    names: Sequence[str] = ()  # of other pictures too, whose plots are to have the same width


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Plot area in the picture, and its two axes."""

    left: float
    right: float
    top: float
    bottom: float
    x: Axis
    y: Axis

    def at(self, x: float, y: float, nudge: float = 0.0) -> tuple[float, float] | None:
        """The point of the picture for a value; in the middle of a lane for one beside the axis; None for NaN."""
        across, up = self.x.place(x), self.y.place(y)
        if across is None or up is None:
            return None
        over = self.left + across * (self.right - self.left)
        if math.isinf(up):
            return over, (self.bottom + LANE * 0.9 if up < 0 else self.top - LANE * 0.9) + nudge
        return over, self.bottom - up * (self.bottom - self.top)


def breadth(words: str, size: float = FONT) -> float:
    """Approximate text width: a Chinese character is as wide as high, others about 0.65 of it in bold."""
    return sum(size if ord(letter) > 0x2E7F else size * 0.65 for letter in words)


def spread(targets: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Label heights as near as possible to the targets (least squares), at least `gap` apart, inside low … high.

    The order is kept. If there is not room for all, they are set evenly over the whole of it.
    """
    if (len(targets) - 1) * gap > high - low:
        gap = (high - low) / (len(targets) - 1)
    order = sorted(range(len(targets)), key=lambda i: (targets[i], i))
    # Without the gaps the heights need only not fall: neighbours that would are pooled at their mean.
    pools: list[list[float]] = []
    for rank, i in enumerate(order):
        pools.append([targets[i] - rank * gap])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    flat = [fmean(pool) for pool in pools for _ in pool]
    room = high - (len(targets) - 1) * gap
    placed = {i: min(max(flat[rank], low), room) + rank * gap for rank, i in enumerate(order)}
    return [placed[i] for i in range(len(targets))]


def draw_curves(content: Curves, identity: str, width: float, height: float, class_: str) -> Markup:
    """The line chart, `width` wide and `height` high in its own pixels; `identity` begins its ids."""
    room = max(
        [breadth(name) for name in (*content.names, *(curve.name for curve in content.curves))], default=0.0
    )
    left = max([breadth(label) for _, label in content.y.ticks], default=0.0) + 12
    left = max(left, *(breadth(lane) + 12 for lane in (content.y.below, content.y.above) if lane), 34)
    frame = _Frame(
        left=left,
        right=width - min(room, width * 0.42) - 30,
        top=30 + (LANE + 8 if content.y.above else 0),
        bottom=height - 48 - (LANE + 8 if content.y.below else 0),
        x=content.x,
        y=content.y,
    )
    levels, level_names = _levels(content, frame)
    parts = [*_grid(content, frame, height), *_lanes(frame), *levels]
    parts += [part for curve in content.curves for part in _band(curve, frame)]
    parts += [part for curve in content.curves for part in _curve(curve, frame)]
    parts += [*level_names, *_names(content.curves, frame)]
    guide = tag("line", class_="guide", x1=0, x2=0, y1=frame.top, y2=frame.bottom)
    plot = f"{frame.left:.1f} {frame.right:.1f}"
    return picture(
        identity, content.title, content.description, width, height, *parts, guide, class_=class_, data_plot=plot
    )  # fmt: skip


def hover(content: Curves, values: Sequence[Sequence[str]], positions: Sequence[str]) -> str:
    """Tooltip data as JSON: the name of each position, and each curve's value as written."""
    xs = content.curves[0].xs if content.curves else ()
    return json.dumps(
        {
            "x": [round(content.x.place(x) or 0.0, 4) for x in xs],
            "at": list(positions),
            "curves": [
                {"name": curve.name, "style": curve.style % STYLES, "values": list(written)}
                for curve, written in zip(content.curves, values, strict=True)
            ],
        },
        ensure_ascii=False,
    )


def _grid(content: Curves, frame: _Frame, height: float) -> list[Markup]:
    parts = [text(0, 14, content.y_name, "axis")]
    for value, label in content.y.ticks:
        up = frame.bottom - (content.y.place(value) or 0.0) * (frame.bottom - frame.top)
        parts.append(tag("line", x1=frame.left, x2=frame.right, y1=up, y2=up, class_="grid"))
        parts.append(text(frame.left - 8, up + 5, label, "tick", "end"))
    foot = height - 27
    for value, label in content.x.ticks:
        over = frame.left + (content.x.place(value) or 0.0) * (frame.right - frame.left)
        parts.append(tag("line", x1=over, x2=over, y1=frame.bottom, y2=frame.bottom + 4, class_="grid"))
        parts.append(text(over, foot, label, "tick", "middle"))
    return [*parts, text(frame.right, height - 6, content.x_name, "axis", "end")]


def _lanes(frame: _Frame) -> list[Markup]:
    """The lanes for values beside the axis, drawn apart from it so that nobody reads a height there."""
    parts = []
    for words, middle in (
        (frame.y.below, frame.bottom + LANE * 0.9),
        (frame.y.above, frame.top - LANE * 0.9),
    ):
        if words:
            box = {"x": frame.left, "y": middle - LANE / 2, "width": frame.right - frame.left, "height": LANE}
            parts.append(tag("rect", **box, rx=3, class_="lane"))
            parts.append(text(frame.left - 8, middle + 5, words, "tick", "end"))
    return parts


def _levels(content: Curves, frame: _Frame) -> tuple[list[Markup], list[Markup]]:
    """The lines, to lie under the curves, and their names, to lie over them: where no curve runs, if there is room."""
    lines, names = [], []
    for level in content.levels:
        at = frame.bottom - (frame.y.place(level.value) or 0.0) * (frame.bottom - frame.top)
        lines.append(tag("line", x1=frame.left, x2=frame.right, y1=at, y2=at, class_="level"))
        wide = breadth(level.name, FONT - 1)
        # Curves that only guess run along chance: its name stands under the line where there is room for it.
        heights = [at + 15, at - 6] if at + 15 < frame.bottom else [at - 6]
        sides = [
            ("start", frame.left + 12, frame.left + 12),
            ("end", frame.right - 12, frame.right - 12 - wide),
        ]
        places = [(anchor, over, begin, y) for anchor, over, begin in sides for y in heights]
        free = (spot for spot in places if not _crossed(content.curves, frame, spot[2], spot[3], wide))
        anchor, over, _, y = next(free, places[0])
        names.append(text(over, y, level.name, "level-name", anchor))
    return lines, names


def _crossed(curves: Sequence[Curve], frame: _Frame, left: float, base: float, wide: float) -> bool:
    """Whether a curve runs through words that begin at `left` on the line `base`."""
    top, bottom = base - FONT, base + 3
    for curve in curves:
        points = [frame.at(x, y) for x, y in zip(curve.xs, curve.ys, strict=True)]
        for start, end in itertools.pairwise(points):
            if start is None or end is None or end[0] < left or start[0] > left + wide:
                continue
            ends = (_height(start, end, max(start[0], left)), _height(start, end, min(end[0], left + wide)))
            if min(ends) < bottom and max(ends) > top:
                return True
    return False


def _height(start: tuple[float, float], end: tuple[float, float], x: float) -> float:
    """How high a straight line between two points is at x."""
    across = end[0] - start[0]
    return start[1] + (end[1] - start[1]) * ((x - start[0]) / across if across else 0.0)


def _band(curve: Curve, frame: _Frame) -> list[Markup]:
    if not curve.lows or not curve.highs:
        return []
    over = [frame.at(x, y) for x, y in zip(curve.xs, curve.highs, strict=True)]
    under = [frame.at(x, y) for x, y in zip(curve.xs, curve.lows, strict=True)]
    both = [(a, b) for a, b in zip(over, under, strict=True) if a and b]
    corners = [a for a, _ in both] + [b for _, b in reversed(both)]
    if len(both) < 2:
        return []
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return [tag("polygon", points=points, class_=f"band series-{curve.style % STYLES}")]


def _curve(curve: Curve, frame: _Frame) -> list[Markup]:
    """The line, broken where a value is not known, and its markers."""
    style = curve.style % STYLES
    nudge = (style - (STYLES - 1) / 2) * 1.6
    points = [frame.at(x, y, nudge) for x, y in zip(curve.xs, curve.ys, strict=True)]
    parts, run = [], []
    for point in [*points, None]:
        if point is not None:
            run.append(point)
        elif run:
            parts.append(path(run, f"line series-{style}", DASHES[style]))
            run = []
    step = 1 if len(points) <= FEW_POINTS else max(1, len(points) // 7)
    first = 0 if step == 1 else (style * step // STYLES)
    parts += [marker(*point, style) for point in points[first::step] if point is not None]
    return parts


def _names(curves: Sequence[Curve], frame: _Frame) -> list[Markup]:
    """Each curve's name at its end, moved apart where ends meet, with a thin line from the end to the name."""
    ends = []
    for curve in curves:
        nudge = (curve.style % STYLES - (STYLES - 1) / 2) * 1.6
        points = [frame.at(x, y, nudge) for x, y in zip(curve.xs, curve.ys, strict=True)]
        end = next((point for point in reversed(points) if point is not None), None)
        if end is not None:
            ends.append((curve, end))
    lowest = frame.bottom + (LANE if frame.y.below else 0)
    heights = spread([y for _, (_, y) in ends], FONT * 1.35, 12.0, lowest)
    parts = []
    for (curve, (x, y)), placed in zip(ends, heights, strict=True):
        leader = f"M{x + 6:.1f} {y:.1f}L{frame.right + 16:.1f} {placed:.1f}"
        parts.append(tag("path", d=leader, class_="leader", fill="none"))
        style = f"name series-{curve.style % STYLES}"
        parts.append(text(frame.right + 20, placed + 5, curve.name, style))
    return parts
