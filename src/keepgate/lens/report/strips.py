"""Gates over tokens as one picture that wraps as text does: a bar a gate, as high and as bright as it is open."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from markupsafe import Markup

from ...charts.curves import breadth
from ...charts.svg import picture, tag, text
from ...wording import Message, amount, count, msg, sanitize
from ..readers.explanation import Explanation
from .explanation_text import gradient as gradient_said
from .labels import gate, paragraph, render, token
from .style import CIVIDIS, level

# Of a longer text the picture shows the first tokens; the page shows all of them.
MOST = 2_000
HIGH, GAP, LETTERS, BETWEEN = 16.0, 4.0, 26.0, 16.0  # a bar, between bars, the line of tokens, between lines


@dataclass(frozen=True, kw_only=True)
class Row:
    """One value for each token, 0 to 1, as it is drawn and as it is written.

    letter: what stands beside it; name: with what it says; short: the name alone.
    absolute: whether the values are the numbers themselves, as gates are, and not relative to the most.
    """

    letter: str
    name: Message
    short: Message
    values: Sequence[float]
    written: Sequence[str]
    absolute: bool


def rows(explanation: Explanation) -> list[Row]:
    """What stands under each token: the gates of each direction, attention; for a plain RNN the sensitivity."""
    found = []
    for one in explanation.direction_summaries:
        for name, values in one.gates.items():
            letter = f"←{name}" if one.reverse else name
            known = values.tolist()
            found.append(
                Row(
                    letter=letter, name=gate(name, reverse=one.reverse),
                    short=gate(name, reverse=one.reverse, short=True), values=known, absolute=True,
                    written=[amount(value, 2) for value in known],
                )
            )  # fmt: skip
    if explanation.attention is not None:
        found.append(_relative("a", msg("strips.attention"), explanation.attention))
    if not found:
        found.append(_relative("s", msg("strips.sensitivity"), explanation.saliency))
    return found


def _relative(letter: str, name: Message, values: torch.Tensor) -> Row:
    known = (values / values.max().clamp(min=1e-300)).tolist()
    return Row(
        letter=letter,
        name=name,
        short=name,
        values=known,
        written=[amount(v, 2) for v in known],
        absolute=False,
    )


def said(explanation: Explanation) -> list[Message]:
    """Each row in words: its mean, and where it is lowest and highest."""
    if not explanation.gated:
        return gradient_said(explanation)
    found = []
    for row in rows(explanation):
        if not row.absolute:
            continue
        order = sorted(range(len(row.values)), key=row.values.__getitem__)
        found.append(
            msg(
                "strips.describe", gate=row.short, mean=amount(sum(row.values) / len(row.values), 2),
                low=row.written[order[0]], bottom=token(explanation, order[0]), high=row.written[order[-1]],
                top=token(explanation, order[-1]),
            )
        )  # fmt: skip
    return found


def draw_strips(explanation: Explanation, language: str, identity: str, width: float) -> Markup:
    """The picture, `width` wide in its own pixels."""
    drawn = rows(explanation)
    left = 12 + max(breadth(row.letter, 13.0) for row in drawn)
    words = [sanitize(each) for each in explanation.tokens.texts[:MOST]]
    lines = _lines(words, width - left)
    tall = LETTERS + len(drawn) * (HIGH + GAP) + BETWEEN
    parts: list[Markup] = []
    bars = [""] * len(CIVIDIS)
    trough = caps = ""
    for number, line in enumerate(lines):
        top = number * tall
        for step, x, wide in line:
            parts.append(text(left + x + wide / 2, top + 18, _fitted(words[step], wide), "token", "middle"))
            for place, row in enumerate(drawn):
                foot = top + LETTERS + place * (HIGH + GAP) + HIGH
                filled = HIGH * min(max(row.values[step], 0.0), 1.0)
                caps += f"M{left + x + 1:.1f} {foot - filled:.2f}h{wide - 2:.1f}" if filled else ""
                trough += f"M{left + x + 1:.1f} {foot:.1f}h{wide - 2:.1f}v-{HIGH:.0f}h-{wide - 2:.1f}z"
                bars[level(row.values[step])] += (
                    f"M{left + x + 1:.1f} {foot:.1f}h{wide - 2:.1f}v-{filled:.2f}h-{wide - 2:.1f}z"
                )
        for place, row in enumerate(drawn):
            foot = top + LETTERS + place * (HIGH + GAP) + HIGH
            parts.append(text(left - 8, foot - 3, row.letter, "row-name", "end"))
    filled_paths = [tag("path", d=d, class_=f"level-{n}") for n, d in enumerate(bars) if d]
    legend, height = _legend(drawn, language, len(lines) * tall + 16)
    if len(explanation.tokens) > MOST:
        cut = msg("strips.cut", n=count(MOST), all=count(len(explanation.tokens)))
        legend.append(text(0.0, height + 12, render(cut, language), "small"))
        height += 24
    told = paragraph(said(explanation), language)
    title = render(msg("strips.title"), language)
    return picture(
        identity, title, told, width, height, tag("path", d=trough, class_="trough"), *filled_paths,
        tag("path", d=caps, class_="cap"), *parts, *legend, class_="strips",
    )  # fmt: skip


def _legend(drawn: Sequence[Row], language: str, top: float) -> tuple[list[Markup], float]:
    """What the letters mean, and the scale from closed to open."""
    parts, x = [], 0.0
    closed, opened = (render(msg(f"strips.{end}"), language) for end in ("closed", "open"))
    if any(row.absolute for row in drawn):
        parts.append(text(x, top, closed, "small"))
        x += breadth(closed, 13.0) + 6
        for n in range(len(CIVIDIS)):
            high = 14.0 * (n + 1) / len(CIVIDIS)
            parts.append(tag("rect", x=x, y=top - high + 1, width=11.0, height=high, class_=f"level-{n}"))
            x += 12
        parts.append(text(x + 6, top, opened, "small"))
        top += 22
    for row in drawn:
        parts.append(text(0.0, top, render(row.name, language), "small"))
        top += 20
    return parts, top - 8


def _lines(words: Sequence[str], room: float) -> list[list[tuple[int, float, float]]]:
    """Which token stands where on which line: (its number, from where, how wide)."""
    lines: list[list[tuple[int, float, float]]] = [[]]
    x = 0.0
    for step, word in enumerate(words):
        wide = min(max(breadth(word, 18.0) + 6, 24.0), room)
        if lines[-1] and x + wide > room:
            lines.append([])
            x = 0.0
        lines[-1].append((step, x, wide))
        x += wide
    return lines


def _fitted(word: str, wide: float) -> str:
    """The token, or as much of it as fits its place."""
    if breadth(word, 18.0) <= wide:
        return word
    kept = word
    while kept and breadth(kept + "…", 18.0) > wide:
        kept = kept[: max(len(kept) - 1 - len(kept) // 8, 0)]
    return f"{kept}…"
