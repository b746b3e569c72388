"""Lag × feature: what each step of a long series adds to an answer, a row of bars for each feature."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from ... import charts
from ...charts.svg import picture, tag, text

# Height of a feature's bars above and below its line, the gap between two rows, and room for names and numbers.
HALF, GAP, LEFT, RIGHT, TOP, FOOT = 26.0, 14.0, 130.0, 70.0, 30.0, 44.0
POSITIVE, NEGATIVE = "mark bar series-3", "mark bar series-1"


def draw_lags(
    rows: Sequence[tuple[str, Sequence[float], str]],
    lags: Sequence[int],
    words: dict[str, str],
    identity: str,
    width: float,
    class_: str,
) -> Markup:
    """Bars up for what a step adds and down for what it takes away, all on one scale, the newest step at the right.

    rows: the name of each feature, its shares by step, and their sum as it is written. lags: of each step, descending.
    words: "title", "description" and "x", the name of the axis.
    """
    most = max((abs(value) for _, values, _ in rows for value in values), default=0.0) or 1.0
    reach = width - LEFT - RIGHT
    cell = reach / len(lags)
    stride, bottom = 2 * HALF + GAP, TOP + len(rows) * (2 * HALF + GAP)
    parts: list[Any] = []
    for number, (name, values, total) in enumerate(rows):
        line = TOP + number * stride + HALF
        parts.append(text(LEFT - 10, line + 5, name, "row-name", "end"))
        parts.append(text(width - RIGHT + 8, line + 5, total, "tick"))
        parts.append(tag("line", x1=LEFT, x2=LEFT + reach, y1=line, y2=line, class_="grid"))
        for place, value in enumerate(values):
            height = abs(value) / most * HALF
            top = line - height if value > 0 else line
            box = {"x": LEFT + place * cell, "y": top, "width": max(0.6, 0.86 * cell), "height": height}
            parts.append(tag("rect", **box, class_=POSITIVE if value > 0 else NEGATIVE))
    for lag in charts.round_ticks(0, lags[0]):
        x = LEFT + (lags[0] - lag + 0.5) * cell
        parts.append(text(x, bottom + 10, f"t−{lag}" if lag else "t", "tick", "middle"))
    parts.append(text(LEFT + reach, bottom + 30, words["x"], "axis", "end"))
    return picture(
        identity, words["title"], words["description"], width, bottom + FOOT, *parts, class_=class_
    )
