"""From the answer to what wrote it: the text as a line, and an arc to each token that carries, with its proof."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...charts.curves import breadth, spread
from ...charts.svg import picture, tag, text
from ...wording import Message, count, msg, sanitize
from ..readers.explanation import Explanation
from ..thresholds import NEGLIGIBLE_DROP
from .labels import (
    cut,
    likelihood,
    outcome,
    render,
    sentence_of,
    short_name,
    text_of,
    token,
    worded,
)

NARROW = 500.0  # narrower pictures do not quote how text and question begin
OPENING = 14  # letters of the text that are quoted
ARCS = 5  # at most
# Heights: over the line, the line itself, a line of words, the answer's box.
BASE, LINE, ROW, BOX = 168.0, 7.0, 27.0, 34.0


@dataclass(frozen=True, kw_only=True)
class Arc:
    """One token: how much of the answer it carries (0 to 1), whether that is proven, and its label."""

    step: int
    weight: float
    label: Message
    proven: bool


def arcs(explanation: Explanation) -> list[Arc]:
    """The tokens that carry the answer, the most first."""
    top_arcs: list[Arc] = []
    for effect in explanation.token_effects[:ARCS]:
        weight = explanation.weight(effect)
        proven = weight >= NEGLIGIBLE_DROP
        if top_arcs and not proven:
            break
        changes = effect.without.text != explanation.answer.text
        label = msg(
            "token_effects.changed" if changes else "token_effects.unchanged", token=token(explanation, effect.step),
            other=cut(effect.without.text), share=outcome(effect),
        )  # fmt: skip
        top_arcs.append(Arc(step=effect.step, weight=weight, label=label, proven=proven))
    return top_arcs


def draw_arcs(explanation: Explanation, language: str, identity: str, width: float, class_: str) -> Markup:
    """The picture, `width` wide in its own pixels."""
    top_arcs, end = arcs(explanation), width - 10
    labels = [sanitize(render(arc.label, language)) for arc in top_arcs]

    def across(step: float) -> float:
        return 10 + (end - 10) * step / len(explanation.tokens)

    answer = f"{cut(explanation.answer.text) or '–'}  {likelihood(explanation.answer)}".strip()
    box = min(width - 20, breadth(answer, 17.0) + 26)
    mouth = end - box / 2
    legend_parts, height = legend(labels, BASE + LINE + 74, width)
    description = f"{short_name(explanation)}: {answer}. " + " ".join(
        f"{number}. {label}." for number, label in enumerate(labels, 1)
    )
    return picture(
        identity, render(worded(explanation, "token_effects.title"), language), description, width, height,
        *(_arc(arc, number, across(arc.step + 0.5), mouth) for number, arc in enumerate(top_arcs)),
        *_text_line(explanation, top_arcs, across),
        *dots([across(arc.step + 0.5) for arc in top_arcs], BASE + LINE, width),
        tag("rect", x=end - box, y=2.0, width=box, height=BOX - 2, rx=8, class_="answer-box"),
        text(mouth, 25.0, answer, "answer", "middle"),
        *_part_names(explanation, language, end, opening=width > NARROW and explanation.unit == "token"),
        *legend_parts, class_=class_,
    )  # fmt: skip


def _text_line(
    explanation: Explanation, top_arcs: Sequence[Arc], across: Callable[[float], float]
) -> list[Markup]:
    """The text as a line, a gap between sentences where there is room, and the sentences that carry marked.

    Of a series, likewise its steps.
    """
    marked = {sentence_of(explanation, arc.step) for arc in top_arcs}
    spans = explanation.sentence_spans or [(step, step + 1) for step in range(len(explanation.tokens))]
    gap = 1.5 if len(spans) < 120 else 0.0
    paths = {"text-line": "", "asked-line": "", "marked-line": ""}
    for start, end in spans:
        class_, narrowest = "text-line" if start < explanation.question_start else "asked-line", 0.3
        if (start, end) in marked:
            class_, narrowest = "marked-line", 1.2
        width = max(across(end) - across(start) - gap, narrowest)
        paths[class_] += f"M{across(start):.1f} {BASE:.1f}h{width:.1f}v{LINE:.0f}h-{width:.1f}z"
    return [tag("path", d=d, class_=class_) for class_, d in paths.items() if d]


def _part_names(explanation: Explanation, language: str, end: float, *, opening: bool) -> list[Markup]:
    """What begins and ends the line: the text, and the question if it was read after it; how each begins."""

    def name(key: str, first: int, last: int) -> str:
        label = render(worded(explanation, f"token_effects.{key}"), language)
        if opening:
            words = text_of(explanation, first, last)
            dots = "…" if len(words) > OPENING else ""
            begins = render(msg("token_effects.begins", part=label), language)
            label = f"{begins}{sanitize(' '.join(words[:OPENING].split()))}{dots}"
        return f"{label} ({count(last - first)})"

    start, tokens, y = explanation.question_start, len(explanation.tokens), BASE + LINE + 47
    names = [text(10.0, y, name("text", 0, start), "small")]
    if start < tokens:
        names.append(text(end, y, name("question", start, tokens), "small", "end"))
    return names


def _arc(arc: Arc, number: int, x: float, mouth: float) -> Markup:
    """From the answer to the token; the further apart, the higher it hangs, and never two on the same way."""
    middle = BOX + 12 + 9 * number
    path = f"M{mouth:.1f} {BOX:.1f}C{mouth:.1f} {BASE - 34:.1f} {x:.1f} {middle:.1f} {x:.1f} {BASE - 7:.1f}"
    return tag("path", d=path, class_="arc" if arc.proven else "arc faint", stroke_width=1.4 + 5 * arc.weight)


def dots(xs: Sequence[float], top: float, width: float) -> list[Markup]:
    """The numbers under the line, moved apart where tokens are neighbours, each with a thin line to its token."""
    if not xs:
        return []
    places = spread(xs, 21.0, 10.0, width - 10)
    leaders = [
        tag("line", x1=x, y1=top, x2=place, y2=top + 12, class_="stem")
        for x, place in zip(xs, places, strict=True)
    ]
    return [*leaders, *(numbered_dot(number, place, top + 20) for number, place in enumerate(places))]


def numbered_dot(number: int, x: float, y: float) -> Markup:
    """A number in a circle, which stands for the words that carry the same one; the first is 0."""
    return tag(
        "g",
        tag("circle", cx=x, cy=y, r=9.5, class_="dot"),
        text(x, y + 4.2, str(number + 1), "dot-number", "middle"),
    )


def legend(labels: Sequence[str], top: float, width: float) -> tuple[list[Markup], float]:
    """The numbers with their labels, one under the other; labels that do not fit on a line go on on the next."""
    parts: list[Markup] = []
    y = top
    for number, label in enumerate(labels):
        parts.append(numbered_dot(number, 20.0, y - 5))
        for line in _wrapped(label, width - 42):
            parts.append(text(38.0, y, line))
            y += ROW - 6
        y += 6
    return parts, y - ROW + 14


def _wrapped(words: str, width: float) -> list[str]:
    """Lines of about this breadth, broken between words, or between letters where a word alone is wider."""
    lines, line = [], ""
    for letter in words:
        if line and breadth(line + letter, 14.0) > width:
            head, blank, tail = line.rpartition(" ")
            between_words = blank and len(tail) < 16
            lines.append(head if between_words else line)
            line = tail if between_words else ""
        line += letter
    return [*lines, line] if line.strip() else lines
