"""From the answer to what wrote it: the text as a line, and an arc to each token that carries, with its proof."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...charts.curves import breadth, spread
from ...charts.svg import picture, tag, text
from ...wording import count, msg, percent, probability, sanitize
from ..readers.explanation import Explanation
from ..thresholds import NEGLIGIBLE_DROP
from .labels import cut, render, sentence_of, short_name, text_of, token

# Narrower pictures say less.
NARROW = 500.0
# So many letters of the text say which it is.
OPENING = 14
# So many arcs at most are drawn.
ARCS = 5
ROOM, LINE, ROW, BOX = (
    168.0,
    7.0,
    27.0,
    34.0,
)  # over the line, the line itself, a line of words, the answer's box


@dataclass(frozen=True, kw_only=True)
class Arc:
    """One token that is pointed at: how much of the answer it carries (0 to 1), and the words beside its number."""

    step: int
    weight: float
    said: str
    proven: bool


def arcs(explanation: Explanation, language: str) -> list[Arc]:
    """The tokens that carry the answer, the most first; the most sensitive ones where there are no writes."""
    if not explanation.gated:
        top = explanation.saliency.topk(min(ARCS, len(explanation.tokens)))
        most = max(float(top.values[0]), 1e-300)
        return [
            Arc(
                step=step, weight=value / most, proven=False,
                said=render(
                    msg("carriers.sensitive", token=token(explanation, step), share=percent(value / most)), language
                ),
            )
            for step, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
            if value / most >= NEGLIGIBLE_DROP
        ]  # fmt: skip
    found: list[Arc] = []
    for one in explanation.token_effects[:ARCS]:
        if found and one.probability_drop < NEGLIGIBLE_DROP:
            break
        turns = one.without.text != explanation.answer.text
        said = msg(
            "carriers.proof" if turns else "carriers.stays", token=token(explanation, one.step),
            other=cut(one.without.text, 24), share=probability(one.without.probability),
        )  # fmt: skip
        found.append(
            Arc(
                step=one.step,
                weight=max(0.0, one.probability_drop),
                said=render(said, language),
                proven=one.probability_drop >= NEGLIGIBLE_DROP,
            )
        )
    return found


def draw_arcs(explanation: Explanation, language: str, identity: str, width: float, class_: str) -> Markup:
    """The picture, `width` wide in its own pixels."""
    found = arcs(explanation, language)
    base, end = ROOM, width - 10
    tokens = len(explanation.tokens)

    def across(step: float) -> float:
        return 10 + (end - 10) * step / tokens

    lines = _row(explanation, found, across, base)
    answer = cut(explanation.answer.text, 24) or "–"
    label = f"{answer}  {probability(explanation.answer.probability)}"
    wide = min(width - 20, breadth(label, 17.0) + 26)
    mouth = (end - wide / 2, BOX)
    drawn = [_arc(one, number, across(one.step + 0.5), base, mouth) for number, one in enumerate(found)]
    box = [
        tag("rect", x=end - wide, y=2.0, width=wide, height=BOX - 2, rx=8, class_="answer-box"),
        text(mouth[0], 25.0, label, "answer", "middle"),
    ]
    words, height = _legend(found, base + LINE + 74, width)
    title = render(msg("carriers.title"), language)
    told = f"{short_name(explanation)}: {label}. " + " ".join(
        f"{n + 1}. {one.said}." for n, one in enumerate(found)
    )
    named = _names(explanation, language, across, base, wide=width > NARROW)
    return picture(
        identity,
        title,
        told,
        width,
        height,
        *drawn,
        *lines,
        *_dots(found, across, base + LINE, width),
        *box,
        *named,
        *words,
        class_=class_,
    )


def _row(
    explanation: Explanation, found: Sequence[Arc], across: Callable[[float], float], base: float
) -> list[Markup]:
    """The text as a line, a gap between sentences where there is room, and the sentences that carry marked."""
    marked = {sentence_of(explanation, one.step) for one in found}
    ranges = explanation.sentence_spans
    gap = 1.5 if len(ranges) < 120 else 0.0
    paths = {"text-line": "", "asked-line": "", "marked-line": ""}
    for start, end in ranges:
        kind = (
            "marked-line"
            if (start, end) in marked
            else "text-line"
            if start < explanation.question_start
            else "asked-line"
        )
        left, right = across(start), across(end)
        width = max(right - left - gap, 1.2 if kind == "marked-line" else 0.3)
        paths[kind] += f"M{left:.1f} {base:.1f}h{width:.1f}v{LINE:.0f}h-{width:.1f}z"
    return [tag("path", d=d, class_=kind) for kind, d in paths.items() if d]


def _names(
    explanation: Explanation, language: str, across: Callable[[float], float], base: float, *, wide: bool
) -> list[Markup]:
    """What begins and ends the line: the text, and the question if it was read after it."""
    said = [
        text(
            10.0,
            base + LINE + 47,
            _count(explanation, 0, explanation.question_start, "text", language, wide=wide),
            "small",
        )
    ]
    if explanation.question_start < len(explanation.tokens):
        here = across(len(explanation.tokens))
        asked = _count(
            explanation, explanation.question_start, len(explanation.tokens), "question", language, wide=wide
        )
        said.append(text(here, base + LINE + 47, asked, "small", "end"))
    return said


def _count(explanation: Explanation, start: int, end: int, what: str, language: str, *, wide: bool) -> str:
    name = render(msg(f"carriers.{what}"), language)
    if not wide:
        return f"{name} ({count(end - start)})"
    words = text_of(explanation, start, end)
    opening, more = sanitize(" ".join(words[:OPENING].split())), "…" if len(words) > OPENING else ""
    return f"{name}: {opening}{more} ({count(end - start)})"


def _arc(one: Arc, number: int, x: float, base: float, mouth: tuple[float, float]) -> Markup:
    """From the answer to the token; the further apart, the higher it hangs, and never two on the same way."""
    middle = mouth[1] + 12 + 9 * number
    path = f"M{mouth[0]:.1f} {mouth[1]:.1f}C{mouth[0]:.1f} {base - 34:.1f} {x:.1f} {middle:.1f} {x:.1f} {base - 7:.1f}"
    return tag("path", d=path, class_="arc" if one.proven else "arc faint", stroke_width=1.4 + 5 * one.weight)


def _dots(found: Sequence[Arc], across: Callable[[float], float], top: float, width: float) -> list[Markup]:
    """The numbers under the line, moved apart where tokens are neighbours, each with a thin line to its token."""
    wanted = [across(one.step + 0.5) for one in found]
    placed = spread(wanted, 21.0, 10.0, width - 10) if found else []
    leaders = [
        tag("line", x1=x, y1=top, x2=at, y2=top + 12, class_="stem")
        for x, at in zip(wanted, placed, strict=True)
    ]
    return [*leaders, *(numbered_dot(number, at, top + 20) for number, at in enumerate(placed))]


def numbered_dot(number: int, x: float, y: float) -> Markup:
    """A number in a circle, which stands for the words that carry the same one; the first is 0."""
    return tag(
        "g",
        tag("circle", cx=x, cy=y, r=9.5, class_="dot"),
        text(x, y + 4.2, str(number + 1), "dot-number", "middle"),
    )


def _legend(found: Sequence[Arc], top: float, width: float) -> tuple[list[Markup], float]:
    """The numbers with their words, one under the other; words that do not fit on a line go on on the next."""
    parts: list[Markup] = []
    y = top
    for number, one in enumerate(found):
        parts.append(numbered_dot(number, 20.0, y - 5))
        for line in _wrapped(sanitize(one.said), width - 42):
            parts.append(text(38.0, y, line))
            y += ROW - 6
        y += 6
    return parts, y - ROW + 14


def _wrapped(words: str, room: float) -> list[str]:
    """Lines of about this breadth, broken between words, or between letters where a word alone is wider."""
    lines, line = [], ""
    for letter in words:
        if line and breadth(line + letter, 14.0) > room:
            head, blank, tail = line.rpartition(" ")
            lines.append(head if blank and len(tail) < 16 else line)
            line = tail if blank and len(tail) < 16 else ""
        line += letter
    return [*lines, line] if line.strip() else lines
