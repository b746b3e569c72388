"""What is left of the write that matters, token by token, and which tokens erased most of it."""

from collections.abc import Sequence

from markupsafe import Markup

from ...charts.svg import picture, tag, text
from ...wording import Message, count, msg, percent
from ..memory.retention import WriteRetention
from ..readers.explanation import DirectionSummary, Explanation
from .arcs import numbered_dot
from .explanation_text import erasers, followed
from .explanation_text import retention as told
from .labels import cut, paragraph, render, token

LEFT, TALL, FOOT, ROW = 52.0, 150.0, 44.0, 24.0  # before a panel, its height, under it, a line of words
APART = 20.0  # from the middle of one numbered dot to that of the next


def draw_retention(
    explanation: Explanation, language: str, identity: str, width: float, class_: str
) -> Markup:
    """The picture, `width` wide in its own pixels: a panel for each direction, then what erased most."""
    # A write after which nothing was read stands alone, whole.
    known = followed(explanation) or [
        (one, one.retention) for one in explanation.direction_summaries[:1] if one.retention is not None
    ]
    parts: list[Markup] = []
    top = 24.0
    for number, (one, left) in enumerate(known):
        parts += _panel(
            explanation,
            one,
            left,
            language,
            top,
            width,
            named=len(explanation.direction_summaries) > 1,
            numbered=not number,
        )
        top += TALL + FOOT
    y = top + 14
    for number, (step, gone) in enumerate(erasers(explanation)):
        words = msg("erased.eraser_at", token=_at(explanation, step), share=percent(gone))
        parts += [numbered_dot(number, 20.0, y - 5), text(38.0, y, render(words, language))]
        y += ROW
    title = render(msg("erased.title", token=_at(explanation, explanation.token_effects[0].step)), language)
    parts.insert(0, text(0.0, 12.0, render(msg("erased.y"), language), "axis"))
    return picture(
        identity, title, paragraph(told(explanation), language), width, y - ROW + 14, *parts, class_=class_
    )


def _panel(
    explanation: Explanation,
    one: DirectionSummary,
    known: WriteRetention,
    language: str,
    top: float,
    width: float,
    *,
    named: bool,
    numbered: bool,
) -> list[Markup]:
    left, tokens = known.retained.tolist(), len(explanation.tokens)
    right, foot = width - 12, top + TALL
    across = (right - LEFT) / max(tokens - 1, 1)

    def place(step: int, value: float) -> tuple[float, float]:
        return LEFT + across * step, foot - min(max(value, 0.0), 1.0) * TALL

    parts = []
    for quarter in range(5):
        y = foot - TALL * quarter / 4
        parts.append(tag("line", x1=LEFT, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(text(LEFT - 8, y + 5, f"{25 * quarter}%", "tick", "end"))
    steps = _shown(known.step, tokens, int(right - LEFT), reverse=one.reverse)
    points = [place(step, left[step]) for step in steps]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    ends = f"L{points[-1][0]:.1f} {foot:.1f}L{points[0][0]:.1f} {foot:.1f}Z"
    parts.append(tag("path", d=f"M{line}{ends}", class_="band series-3"))
    parts.append(tag("path", d=f"M{line}", class_="line series-3", fill="none"))
    x, y = place(known.step, 1.0)
    parts.append(tag("circle", cx=x, cy=y, r=4.5, class_="mark series-3"))
    if numbered:
        spots = [place(step, left[step]) for step, _ in erasers(explanation)]
        for number, ((x, y), row) in enumerate(zip(spots, rows_apart([x for x, _ in spots]), strict=True)):
            # Towards the middle of the panel, where there is room.
            moved = y + row * APART * (1 if y < (top + foot) / 2 else -1)
            if row:
                parts.append(tag("line", x1=x, x2=x, y1=y, y2=moved, class_="stem"))
            parts.append(numbered_dot(number, x, moved))
    parts.append(text(LEFT, foot + 18, f"1 {_word(explanation, 0)}", "tick"))
    last = f"{count(tokens)} {_word(explanation, tokens - 1)}"
    parts.append(text(right, foot + 18, last, "tick", "end"))
    name = render(msg("erased.x"), language)
    if named:
        name += " · " + render(msg("erased.backwards" if one.reverse else "erased.forwards"), language)
    parts.append(text((LEFT + right) / 2, foot + 18, name, "axis", "middle"))
    return parts


def rows_apart(xs: Sequence[float]) -> list[int]:
    """For each dot how many rows from the line it stands, so that none lies on another; the first stand nearest."""
    rows: list[int] = []
    for number, x in enumerate(xs):
        taken = {row for other, row in zip(xs, rows, strict=False) if abs(other - x) < APART}
        rows.append(next(row for row in range(number + 1) if row not in taken))
    return rows


def _shown(step: int, tokens: int, pixels: int, *, reverse: bool) -> Sequence[int]:
    """The tokens from the write on, no more of them than there are pixels; the last one always."""
    order = range(step, -1, -1) if reverse else range(step, tokens)
    stride = max(1, len(order) // max(pixels, 1))
    shown = list(order[::stride])
    return shown if shown[-1] == order[-1] else [*shown, order[-1]]


def _word(explanation: Explanation, step: int) -> str:
    return cut(explanation.tokens.texts[step], 10)


def _at(explanation: Explanation, step: int) -> Message:
    return msg("carriers.place", token=token(explanation, step), n=count(step + 1))
