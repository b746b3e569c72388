"""An explanation as HTML: inside a notebook, and as one page that needs no network, in two languages."""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from ...charts import content_policy, templates
from ...wording import LANGUAGES as LANGUAGE_TAGS
from ...wording import Message, count, msg, percent, sanitize, significant
from ..attribution.explanation import ModelExplanation
from ..readers.explanation import Explanation
from ..readers.leave_one_out import TokenEffect
from ..readers.span_search import SpanEffect
from . import explanation_text, strips, style
from .arcs import arcs, draw_arcs
from .curves import draw_half_life, draw_saliency
from .figure import standing_alone
from .labels import (
    catalog_language,
    cut,
    likelihood,
    network,
    paragraph,
    piece,
    position,
    render,
    sentence_of,
    signed,
    worded,
)
from .model_figures import draw_look_back, draw_shares
from .retention_plot import draw_retention
from .series_figure import draw_series, lead

WIDE, NARROW = 980.0, 348.0  # the pictures' natural widths: a page of 1280 pixels, a page of 400
NARROW_COLUMN = "40em"  # a notebook's column narrower than this shows the narrow pictures
TABLE = 2_000  # more tokens than this stand in no table
LONG = 1_000  # more tokens than this scroll in a window of their own
PROOFS = 5  # of each kind are listed, of those that carry nothing to speak of one, for comparison
NOTHING = 5e-4  # a share smaller than this is written as 0

Draw = Callable[[Explanation, str, str, float, str], Markup]


def page(explanation: Explanation, language: str | None, first: str = "en") -> str:
    """The whole page as text; None is both languages with a switch, and the page opens in `first`."""
    languages = list(LANGUAGE_TAGS) if language is None else [catalog_language(language)]
    opening = catalog_language(first) if language is None else languages[0]
    css = style.inside() + style.page()
    title = worded(
        explanation, "page.title", network=network(explanation), n=len(explanation.tokens),
        question=cut(explanation.question.question or explanation.question.text, 60),
    )  # fmt: skip
    return templates(__package__).get_template("page.html.j2").render(
        css=Markup(css), policy=content_policy(css), languages=languages, begins=opening, lang=LANGUAGE_TAGS[opening],
        bodies=[(short, LANGUAGE_TAGS[short], _body(explanation, short, _inline)) for short in languages],
        title=render(title, opening), words=lambda key: render(msg(key), opening),
    )  # fmt: skip


def fragment(explanation: Explanation, language: str) -> str:
    """The same for a notebook: no script, its style reaches nothing but itself, and its pictures are images.

    A cleaner of untrusted notebooks takes an inline picture's marks out and leaves its letters behind, in a heap. An
    image it leaves whole, or takes out whole; what then remains is what the image says in words.
    """
    short = catalog_language(language)
    narrow_rules: list[str] = []

    def images(wide: Markup, narrow: Markup, class_: str) -> Markup:
        address = standing_alone("", narrow, style.adapting).address()
        narrow_rules.append(
            f"@media screen {{ @container (max-width: {NARROW_COLUMN}) {{ "
            f'{style.ROOT} .{class_} {{ content: url("{address}"); max-width: 30rem }} }} }}\n'
        )
        figure = standing_alone("", wide, style.adapting)
        return Markup('<img class="{}" src="{}" alt="{}">').format(class_, figure.address(), figure.words())

    body = _body(explanation, short, images, whole=False)
    css = Markup(style.inside() + "".join(narrow_rules))
    fragment = Markup('<div class="keepgate-look" lang="{}"><style>{}</style>{}</div>')
    # Plain text: what it is joined to must not be escaped.
    return str(fragment.format(LANGUAGE_TAGS[short], css, body))


def summary(explanation: Explanation, language: str) -> str:
    """The answer and the sentences that sum it up, as plain text."""
    question, answer = cut(explanation.question.question, 200), cut(explanation.answer.text, 80)
    sure = likelihood(explanation.answer)
    first = f"{question} {answer}{f' ({sure})' if sure else ''}".strip()
    return f"{first}\n{paragraph(explanation_text.conclusion(explanation), catalog_language(language))}"


def _inline(wide: Markup, narrow: Markup, _class: str) -> Markup:
    return Markup(wide + narrow)


def _body(
    explanation: Explanation, language: str, embed: Callable[[Markup, Markup, str], Markup], *, whole: bool = True
) -> Markup:  # fmt: skip
    """The page's content. embed: a wide and a narrow picture, of a class, as HTML. whole: with all pictures."""
    answer, tokens = explanation.answer, len(explanation.tokens)
    content = f"{explanation.question.text} {explanation.question.question} {explanation!r}"
    digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
    identity = f"kg-{digest[:8]}-{language}"

    def figure(draw: Draw, name: str) -> Markup:
        class_ = f"{identity}-{name}"
        wide = draw(explanation, language, f"{class_}-wide", WIDE, "wide")
        return embed(wide, draw(explanation, language, f"{class_}-narrow", NARROW, "narrow"), class_)

    return Markup(
        templates(__package__).get_template("look.html.j2").render(
            explanation=explanation, whole=whole, gated=explanation.gated,
            model=explanation if isinstance(explanation, ModelExplanation) else None, draw_shares=draw_shares,
            draw_look_back=draw_look_back,
            t=lambda key, **parts: render(worded(explanation, key, **parts), language),
            render=lambda message: render(message, language), paragraph=lambda messages: paragraph(messages, language),
            text=explanation_text, strips=strips, series_lead=lead,
            draw_effects=draw_arcs if explanation.labelled_series is None else draw_series,
            draw_retention=draw_retention,
            draw_half_life=draw_half_life, draw_saliency=draw_saliency, figure=figure,
            question=sanitize(explanation.question.question), answer=cut(answer.text, 200) or "–",
            short_answer=cut(answer.text) or "–", probability=likelihood(answer),
            candidates=[
                msg("page.other", text=cut(text, 40), share=percent(value))
                for text, value in answer.candidates[1:]
                if value >= 0.001
            ],
            network=render(network(explanation), language), rows=strips.rows(explanation), story=_story(explanation),
            proofs=_proofs(explanation), table=_table(explanation) if tokens <= TABLE else None,
            long=tokens > LONG, token_count=count(tokens),
        )
    )  # fmt: skip


def _story(explanation: Explanation) -> list[dict[str, Any]]:
    """Every token for the page: its words, what stands before it in the text, its strip as classes, its number."""
    rows, tokens = strips.rows(explanation), explanation.tokens
    numbers = {arc.step: number for number, arc in enumerate(arcs(explanation), 1)}
    marked = {sentence_of(explanation, step) for step in numbers}
    starts, ends = {start for start, _ in marked}, {end for _, end in marked}
    text = explanation.question.text + explanation.question.question
    story: list[dict[str, Any]] = []
    before = 0
    for step, (word, start) in enumerate(zip(tokens.texts, tokens.starts, strict=True)):
        gap, before = text[before:start], tokens.ends[step]
        tenths = (
            f"{letter}{min(max(round(10 * row.values[step]), 0), 10)}"
            for letter, row in zip(style.ROWS, rows, strict=False)
        )
        values = " · ".join([f"#{step + 1}", *(f"{row.letter} {row.written[step]}" for row in rows)])
        starts_question = step == explanation.question_start
        # No line begins with a full stop: it stays with the token before it.
        together = step > 0 and not gap and _closes(word) and step not in ends and not starts_question
        if together:
            story[-1]["opens_group"] = True
        story.append(
            {
                "text": sanitize(word), "classes": " ".join(["t", *(["c"] if step in numbers else []), *tenths]),
                "title": values if len(tokens) <= TABLE else None, "number": numbers.get(step),
                "asked": starts_question, "line_end": "\n" in gap, "blank": bool(gap),
                "opens_group": False, "closes_group": together,
                "opens_mark": step in starts, "closes_mark": step in ends, "last_of_mark": step + 1 in ends,
            }
        )  # fmt: skip
    return story


def _closes(word: str) -> bool:
    """Whether a token is a sign that belongs to the one before it."""
    return len(word) == 1 and (
        unicodedata.category(word) in ("Pe", "Pf") or word in "。．，、；：！？.,;:!?…"
    )


def _proofs(explanation: Explanation) -> list[tuple[str, list[tuple[Message, str, str, str, bool]]]]:
    """The tokens and the sentences ablated, each with the answer that follows."""

    def row(label: Message, effect: TokenEffect | SpanEffect) -> tuple[Message, str, str, str, bool]:
        answer = effect.without
        changed = answer.text != explanation.answer.text
        return label, cut(answer.text, 60) or "–", likelihood(answer), _effect(effect), changed

    tokens = [
        row(position(explanation, effect.step), effect) for effect in _foremost(explanation.token_effects)
    ]
    sentences = [
        row(piece(explanation, effect.start, effect.end), effect)
        for effect in _foremost(explanation.sentence_effects)
    ]
    return [("token_effects.tokens", tokens)] + (
        [("token_effects.sentences", sentences)] if sentences else []
    )


def _foremost(effects: Sequence[Any]) -> Sequence[Any]:
    """The first few effects, as long as they carry anything, and one more that does not."""
    carrying = sum(abs(effect.change or effect.probability_drop) >= NOTHING for effect in effects[:PROOFS])
    return effects[: min(carrying + 1, PROOFS)]


def _effect(effect: TokenEffect | SpanEffect) -> str:
    """By how much a number changes or a probability falls; less than a thousandth is nothing, and a rise is no fall."""
    if effect.change is not None:
        return signed(effect.change)
    value = effect.probability_drop
    return "0" if abs(value) < NOTHING else f"−{percent(-value)}" if value < 0 else percent(value)


def _table(explanation: Explanation) -> list[list[str]]:
    """Every token's numbers, for those who cannot see the pictures: a line a token."""
    rows = strips.rows(explanation)
    retention = explanation.direction_summaries[0].retention if explanation.direction_summaries else None
    falls = {effect.step: _effect(effect) for effect in explanation.token_effects}
    return [
        [
            str(step + 1), sanitize(word), *(row.written[step] for row in rows), falls.get(step, "–"),
            "–" if retention is None else percent(float(retention.retained[step])),
            significant(float(explanation.relative_saliency[step]), 2),
        ]
        for step, word in enumerate(explanation.tokens.texts)
    ]  # fmt: skip
