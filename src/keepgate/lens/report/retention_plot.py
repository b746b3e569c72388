"""Retention of the write that matters most, token by token, and the tokens that erased most of it."""

from collections.abc import Sequence

from markupsafe import Markup

from ...charts.svg import picture, tag, text
from ...wording import count, msg, percent
from ..memory.retention import WriteRetention
from ..readers.explanation import DirectionSummary, Explanation
from . import explanation_text
from .arcs import numbered_dot
from .labels import cut, paragraph, position, render, worded

LEFT, TALL, FOOT, ROW = 52.0, 150.0, 44.0, 24.0  # before a panel, its height, under it, a line of words
APART = 20.0  # from the middle of one numbered dot to that of the next


def draw_retention(
    explanation: Explanation, language: str, identity: str, width: float, class_: str
) -> Markup:
    """The picture, `width` wide in its own pixels: a panel for each direction, then what erased most."""
    forgetting = explanation_text.forgetting_tokens(explanation)
    # A write after which nothing was read stands alone, whole.
    panels = explanation_text.retentions(explanation) or [
        (summary, summary.retention)
        for summary in explanation.direction_summaries[:1]
        if summary.retention is not None
    ]
    parts = [text(0.0, 12.0, render(msg("retention.y"), language), "axis")]
    top = 24.0
    for number, (summary, retention) in enumerate(panels):
        name = render(worded(explanation, "retention.x"), language)
        if len(explanation.direction_summaries) > 1:
            name += " · " + render(
                msg("retention.reverse" if summary.reverse else "retention.forward"), language
            )
        steps = [step for step, _ in forgetting] if not number else []
        parts += _panel(explanation, summary, retention, name, steps, top, width)
        top += TALL + FOOT
    y = top + 14
    for number, (step, share) in enumerate(forgetting):
        words = msg("retention.forgetting_position", token=position(explanation, step), share=percent(share))
        parts += [numbered_dot(number, 20.0, y - 5), text(38.0, y, render(words, language))]
        y += ROW
    decisive_token = position(explanation, explanation.token_effects[0].step)
    title = render(msg("retention.title", token=decisive_token), language)
    description = paragraph(explanation_text.retention(explanation), language)
    return picture(identity, title, description, width, y - ROW + 14, *parts, class_=class_)


def _panel(
    explanation: Explanation,
    summary: DirectionSummary,
    retention: WriteRetention,
    name: str,
    forgetting_steps: Sequence[int],
    top: float,
    width: float,
) -> list[Markup]:
    """One direction: the share retained after each token, a number where tokens erased most, and the axes."""
    retained, tokens = retention.retained.tolist(), len(explanation.tokens)
    right, foot = width - 12, top + TALL
    across = (right - LEFT) / max(tokens - 1, 1)

    def place(step: int) -> tuple[float, float]:
        return LEFT + across * step, foot - min(max(retained[step], 0.0), 1.0) * TALL

    parts = []
    for quarter in range(5):
        y = foot - TALL * quarter / 4
        parts.append(tag("line", x1=LEFT, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(text(LEFT - 8, y + 5, f"{25 * quarter}%", "tick", "end"))
    points = [
        place(step) for step in _thinned(retention.step, tokens, int(right - LEFT), reverse=summary.reverse)
    ]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    ends = f"L{points[-1][0]:.1f} {foot:.1f}L{points[0][0]:.1f} {foot:.1f}Z"
    parts.append(tag("path", d=f"M{line}{ends}", class_="band series-3"))
    parts.append(tag("path", d=f"M{line}", class_="line series-3", fill="none"))
    x, _ = place(retention.step)
    parts.append(tag("circle", cx=x, cy=top, r=4.5, class_="mark series-3"))
    parts += _forgetting_dots([place(step) for step in forgetting_steps], (top + foot) / 2)
    end_names = ["1", count(tokens)]
    if explanation.labelled_series is None:
        end_names = [
            f"{end} {cut(explanation.tokens.texts[step], 10)}"
            for end, step in zip(end_names, (0, -1), strict=True)
        ]
    return [
        *parts,
        text(LEFT, foot + 18, end_names[0], "tick"),
        text(right, foot + 18, end_names[1], "tick", "end"),
        text((LEFT + right) / 2, foot + 18, name, "axis", "middle"),
    ]


def _forgetting_dots(places: Sequence[tuple[float, float]], middle: float) -> list[Markup]:
    """A number at each place of the curve, moved towards the middle of the panel where one would hide another."""
    parts = []
    for number, ((x, y), row) in enumerate(zip(places, rows_apart([x for x, _ in places]), strict=True)):
        moved = y + row * APART * (1 if y < middle else -1)
        if row:
            parts.append(tag("line", x1=x, x2=x, y1=y, y2=moved, class_="stem"))
        parts.append(numbered_dot(number, x, moved))
    return parts


def rows_apart(xs: Sequence[float]) -> list[int]:
    """For each dot how many rows from the line it stands, so that none lies on another; the first stand nearest."""
    rows: list[int] = []
    for number, x in enumerate(xs):
        occupied_rows = {row for other, row in zip(xs, rows, strict=False) if abs(other - x) < APART}
        rows.append(next(row for row in range(number + 1) if row not in occupied_rows))
    return rows


def _thinned(step: int, tokens: int, pixels: int, *, reverse: bool) -> Sequence[int]:
    """The tokens from the write on, no more of them than there are pixels; the last one always."""
    steps = range(step, -1, -1) if reverse else range(step, tokens)
    thinned = steps[:: max(1, len(steps) // max(pixels, 1))]
    return thinned if thinned[-1] == steps[-1] else [*thinned, steps[-1]]
