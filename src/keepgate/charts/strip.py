"""A strip of bars under a text: for each token how open a gate was, or how much a state changed; wraps as text does."""

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
    """One value for each token, drawn as bars from 0 to `full`.

    kind names the colour in the style sheet (`gate-f`); NaN leaves the place empty and says so by a dash.
    """

    name: str
    kind: str
    values: Sequence[float]
    written: Sequence[str]
    full: float = 1.0


def draw_strip(
    tokens: Sequence[str],
    rows: Sequence[Row],
    name: str,
    title: str,
    description: str,
    width: float,
    class_: str,
) -> Markup:
    """The strip, `width` wide in its own pixels; as many tokens a line as fit, the rows' names before each line."""
    left = max([breadth(row.name) for row in rows], default=0.0) + 14
    fit = max(1, int((width - left) // NARROWEST))
    lines = max(1, math.ceil(len(tokens) / fit))
    # Lines of even length read better than a full one and a rest.
    fit = math.ceil(len(tokens) / lines) if tokens else fit
    cell = min(WIDEST, (width - left) / fit)
    tall = 30 + len(rows) * (HIGH + GAP) + 14
    parts: list[Markup] = []
    for line in range(lines):
        chosen = range(line * fit, min(len(tokens), (line + 1) * fit))
        parts += _line(tokens, rows, chosen, left, line * tall, cell)
    return picture(name, title, description, width, max(lines * tall - 10, 1), *parts, class_=class_)


def _line(
    tokens: Sequence[str], rows: Sequence[Row], chosen: range, left: float, top: float, cell: float
) -> list[Markup]:
    parts = []
    for place, t in enumerate(chosen):
        middle = left + (place + 0.5) * cell
        size = min(21.0, cell / max(breadth(tokens[t], 1.0), 1e-9) * 0.94)
        parts.append(text(middle, top + 20, tokens[t], "token", "middle", font_size=size))
    for number, row in enumerate(rows):
        base = top + 30 + number * (HIGH + GAP) + HIGH
        parts.append(text(left - 12, base - HIGH / 2 + 5, row.name, f"row-name gate-{row.kind}", "end"))
        for place, t in enumerate(chosen):
            parts.append(_bar(row, t, left + place * cell, base, cell))
    return parts


def _bar(row: Row, t: int, x: float, base: float, cell: float) -> Markup:
    value = row.values[t]
    inside = [tag("rect", x=x + 2, y=base - HIGH, width=cell - 4, height=HIGH, class_="trough")]
    if math.isfinite(value):
        filled = HIGH * min(1.0, max(0.0, value / row.full if row.full > 0 else 0.0))
        shape = {"x": x + 2, "y": base - filled, "width": cell - 4, "height": filled}
        inside.append(tag("rect", **shape, class_=f"fill gate-{row.kind}"))
        high = filled > HIGH * 0.55
        at = base - 5 if high else base - filled - 4
        inside.append(text(x + cell / 2, at, row.written[t], "in" if high else "out", "middle"))
    else:
        inside.append(text(x + cell / 2, base - HIGH / 2 + FONT / 3, "–", "out", "middle"))
    return tag("g", *inside)
