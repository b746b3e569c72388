"""Strip chart: a bar for each token and row, such as how open a gate was; wraps as text does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .curves import FONT, breadth
from .svg import picture, tag, text

# A token's least and greatest width, a bar's full height, the room between rows.
NARROWEST, WIDEST, HIGH, GAP = 40.0, 58.0, 36.0, 7.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """Row of bars: one value for each token, drawn from 0 to `full`.

    kind names the colour in the style sheet (`gate-f`); NaN leaves the place empty and says so by a dash.
    """

    name: str
    kind: str
    values: Sequence[float]
    written: Sequence[str]
    full: float = 1.0


def draw_strip(
    tokens: Sequence[str], rows: Sequence[Row], name: str, title: str, description: str, width: float, class_: str
) -> Markup:  # fmt: skip
    """The strip chart, `width` wide in its pixels; as many tokens a line as fit, the rows' names before each line."""
    left = max([breadth(row.name) for row in rows], default=0.0) + 14
    per_line = max(1, int((width - left) // NARROWEST))
    lines = max(1, math.ceil(len(tokens) / per_line))
    # Lines of even length read better than full ones and a short last one.
    per_line = max(1, math.ceil(len(tokens) / lines))
    cell = min(WIDEST, (width - left) / per_line)
    tall = 30 + len(rows) * (HIGH + GAP) + 14
    parts: list[Markup] = []
    for line in range(lines):
        steps = range(line * per_line, min(len(tokens), (line + 1) * per_line))
        parts += _line(tokens, rows, steps, left, line * tall, cell)
    return picture(name, title, description, width, max(lines * tall - 10, 1), *parts, class_=class_)


def _line(
    tokens: Sequence[str], rows: Sequence[Row], steps: range, left: float, top: float, cell: float
) -> list[Markup]:
    parts = []
    for place, step in enumerate(steps):
        middle = left + (place + 0.5) * cell
        size = min(21.0, cell / max(breadth(tokens[step], 1.0), 1e-9) * 0.94)
        parts.append(text(middle, top + 20, tokens[step], "token", "middle", font_size=size))
    for number, row in enumerate(rows):
        base = top + 30 + number * (HIGH + GAP) + HIGH
        parts.append(text(left - 12, base - HIGH / 2 + 5, row.name, f"row-name gate-{row.kind}", "end"))
        for place, step in enumerate(steps):
            parts.append(_bar(row, step, left + place * cell, base, cell))
    return parts


def _bar(row: Row, step: int, x: float, base: float, cell: float) -> Markup:
    value = row.values[step]
    parts = [tag("rect", x=x + 2, y=base - HIGH, width=cell - 4, height=HIGH, class_="trough")]
    if math.isfinite(value):
        filled = HIGH * min(1.0, max(0.0, value / row.full if row.full > 0 else 0.0))
        shape = {"x": x + 2, "y": base - filled, "width": cell - 4, "height": filled}
        parts.append(tag("rect", **shape, class_=f"fill gate-{row.kind}"))
        high = filled > HIGH * 0.55
        y = base - 5 if high else base - filled - 4
        parts.append(text(x + cell / 2, y, row.written[step], "in" if high else "out", "middle"))
    else:
        parts.append(text(x + cell / 2, base - HIGH / 2 + FONT / 3, "–", "out", "middle"))
    return tag("g", *parts)
