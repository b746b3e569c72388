"""A look as HTML: inside a notebook, and as one page that needs no network, in two languages."""

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ...wording import LANGUAGES, Message, count, msg, percent, probability, sanitize
from ..readers.explanation import Explanation
from . import explanation_text, strips, style
from .arcs import arcs, draw_arcs
from .curves import half_life_of_explanation, saliency_of_explanation
from .embedded import image, where_narrow
from .labels import SHORT, cut, network, paragraph, piece, render, sentence_of, token
from .language import refuse_unknown
from .retention_plot import draw_retention

WIDE, NARROW = 980.0, 348.0  # the pictures' natural widths: a page of 1280 pixels, a page of 400
TABLE = 2_000  # more tokens than this stand in no table
LONG = 1_000  # more tokens than this scroll in a window of their own
PROOFS = 5  # of each kind are listed, of those that carry nothing to speak of one, for comparison
NOTHING = 5e-4  # a share smaller than this is written as 0


def page(explanation: Explanation, language: str | None) -> str:
    """The whole page as text; None is both languages with a switch."""
    if language is not None:
        refuse_unknown(language)
    shown = [SHORT[language]] if language else list(LANGUAGES)
    css = style.inside() + style.page()
    begins = SHORT[explanation.language] if language is None else shown[0]
    return _environment().get_template("page.html.j2").render(
        css=Markup(css), policy=_policy(css), languages=shown, begins=begins, lang=LANGUAGES[begins],
        bodies=[(each, LANGUAGES[each], _body(explanation, each)) for each in shown],
        title=render(_title(explanation), begins), words=lambda key: render(msg(key), begins),
    )  # fmt: skip


def fragment(explanation: Explanation, language: str) -> str:
    """The same for a notebook: no script, and its style reaches nothing but itself."""
    short = SHORT[language]
    narrow: list[str] = []
    body = _body(explanation, short, narrow)
    css = Markup(style.inside() + "".join(narrow))
    whole = Markup('<div class="keepgate-look" lang="{}"><style>{}</style>{}</div>')
    # Plain text: what it is joined to must not be escaped.
    return str(whole.format(LANGUAGES[short], css, body))


def summary(explanation: Explanation, language: str) -> str:
    """The answer and the sentences that sum it up, as plain text."""
    short = SHORT[language]
    question, answer = cut(explanation.question.question, 200), cut(explanation.answer.text, 80)
    first = f"{question} {answer} ({probability(explanation.answer.probability)})"
    return f"{first}\n{paragraph(explanation_text.summed_up(explanation), short)}"


def _title(explanation: Explanation) -> Message:
    return msg("page.title", question=cut(explanation.question.question, 60), network=network(explanation))


def _body(explanation: Explanation, language: str, narrow: list[str] | None = None) -> Markup:
    """The look as HTML. narrow: where its pictures are to be images, gets the style of each for a narrow column."""
    whole = narrow is None
    mark = hashlib.sha256(
        f"{explanation.question.text} {explanation.question.question} {explanation!r}".encode(
            "utf-8", "replace"
        )
    )
    begin = f"kg-{mark.hexdigest()[:8]}-{language}"

    def both(draw: Any, name: str) -> Markup:
        class_ = f"{begin}-{name}"
        wide, small = (
            draw(explanation, language, f"{class_}-{kind}", width, kind)
            for width, kind in ((WIDE, "wide"), (NARROW, "narrow"))
        )
        if narrow is None:
            return Markup(wide + small)
        narrow.append(where_narrow(small, class_))
        return image(wide, class_)

    gated = explanation.gated
    return Markup(
        _environment().get_template("look.html.j2").render(
            explanation=explanation, whole=whole, gated=gated, lang=LANGUAGES[language], begin=begin,
            short_answer=cut(explanation.answer.text, 24) or "–",
            t=lambda key, **parts: render(msg(key, **parts), language),
            paragraph=lambda said: paragraph(said, language),
            question=sanitize(explanation.question.question), answer=cut(explanation.answer.text, 200) or "–",
            probability=probability(explanation.answer.probability), others=_others(explanation, language),
            network=render(network(explanation), language), summary=explanation_text.summed_up(explanation),
            rows=strips.rows(explanation), strip_said=strips.said(explanation) if gated else [],
            render=lambda words: render(words, language),
            story=_story(explanation, render(msg("strips.asked"), language)),
            arcs=both(draw_arcs, "arcs"), proofs=_proofs(explanation, language),
            erased=both(draw_retention, "erased") if explanation_text.followed(explanation) else "",
            erased_said=explanation_text.retention(explanation) if gated else [],
            half_life=both(half_life_of_explanation, "half") if gated and whole else "",
            half_said=explanation_text.half_life(explanation) if gated else [],
            gradient=both(saliency_of_explanation, "gradient") if whole else "",
            gradient_said=explanation_text.gradient(explanation),
            table=_table(explanation, language), too_many=len(explanation.tokens) > TABLE,
            long=len(explanation.tokens) > LONG, tokens=count(len(explanation.tokens)),
        )
    )  # fmt: skip


def _others(explanation: Explanation, language: str) -> str:
    worth = [(text, value) for text, value in explanation.answer.candidates[1:] if value >= 0.001]
    said = [msg("page.other", text=cut(text, 40), share=percent(value)) for text, value in worth]
    return render(msg("page.others", others=render(said, language)), language) if said else ""


def _story(explanation: Explanation, asked: str) -> Markup:
    """Every token with its strip, as HTML that wraps as text does, with the blanks and line ends of the text."""
    rows = strips.rows(explanation)
    marks = {one.step: number + 1 for number, one in enumerate(arcs(explanation, "en"))}
    marked = {sentence_of(explanation, step) for step in marks}
    starts, ends = {start for start, _ in marked}, {end for _, end in marked}
    text = explanation.question.text + explanation.question.question
    few = len(explanation.tokens) <= TABLE
    parts: list[str] = []
    before = 0
    for step, (word, start) in enumerate(
        zip(explanation.tokens.texts, explanation.tokens.starts, strict=True)
    ):
        gap = text[before:start]
        before = explanation.tokens.ends[step]
        follows = (
            step > 0 and not gap and _closes(word) and step not in ends and step != explanation.question_start
        )
        if follows:
            # No line begins with a full stop: it stays with the token before it.
            parts[-1] = Markup('<span class="together">{}').format(parts[-1])
        if step in ends:
            parts.append("</mark>")
        if step == explanation.question_start:
            parts.append(Markup('<div class="next">{}</div>').format(asked))
        elif step:
            parts.append("<br>" if "\n" in gap else " " if gap else "")
        if step in starts:
            parts.append("<mark>")
        parts.append(
            _token(explanation, rows, step, marks.get(step), tip=few) + Markup("</span>" if follows else "")
        )
    if len(explanation.tokens) in ends:
        parts.append("</mark>")
    return Markup("".join(parts))


def _token(
    explanation: Explanation, rows: Sequence[strips.Row], step: int, mark: int | None, *, tip: bool
) -> Markup:
    """One token: its strip as classes, its number if the answer hangs on it, and its values for a pointer."""
    tenths = [f"{letter}{_tenths(row.values[step])}" for letter, row in zip(style.ROWS, rows, strict=False)]
    classes = " ".join(["t", *(["c"] if mark else []), *tenths])
    values = " · ".join([f"#{step + 1}", *(f"{row.letter} {row.written[step]}" for row in rows)])
    told = Markup(' title="{}"').format(values) if tip else ""
    number = Markup("<sup>{}</sup>").format(mark) if mark else ""
    return Markup('<span class="{}"{}>{}{}</span>').format(
        classes, told, number, sanitize(explanation.tokens.texts[step])
    )


def _closes(word: str) -> bool:
    """Whether a token is a sign that belongs to the one before it."""
    return len(word) == 1 and (
        unicodedata.category(word) in ("Pe", "Pf") or word in "。．，、；：！？.,;:!?…"
    )


def _tenths(value: float) -> int:
    return min(max(round(10 * value), 0), 10)


def _proofs(explanation: Explanation, language: str) -> Sequence[tuple[str, Sequence[tuple[Any, ...]]]]:
    """The sentences and the tokens left out, each with the answer that follows; a plain RNN's sensitivities."""
    if not explanation.gated:
        return []

    def row(what: Message, one: Any) -> tuple[Any, ...]:
        other = cut(one.without.text, 60) or "–"
        changed = one.without.text != explanation.answer.text
        return (
            render(what, language),
            other,
            probability(one.without.probability),
            _fall(one.probability_drop),
            changed,
        )

    tokens = [
        row(msg("carriers.place", token=token(explanation, one.step), n=count(one.step + 1)), one)
        for one in _telling(explanation.token_effects)
    ]
    whole = [
        row(piece(explanation, one.start, one.end), one) for one in _telling(explanation.sentence_effects)
    ]
    heads = (render(msg(f"carriers.{kind}"), language) for kind in ("tokens", "sentences"))
    return list(zip(heads, (tokens, whole), strict=True))


def _telling(found: Sequence[Any]) -> Sequence[Any]:
    """The first few, as long as they carry anything, and one more that does not."""
    carrying = sum(abs(one.probability_drop) >= NOTHING for one in found[:PROOFS])
    return found[: min(carrying + 1, PROOFS)]


def _fall(value: float) -> str:
    """By how much a probability falls; less than a thousandth is nothing, and a rise is no fall."""
    return "0" if abs(value) < NOTHING else f"−{percent(-value)}" if value < 0 else percent(value)


def _table(explanation: Explanation, language: str) -> tuple[list[str], list[list[str]]]:
    """Every token's numbers, for those who cannot see the pictures."""
    if len(explanation.tokens) > TABLE:
        return [], []
    rows = strips.rows(explanation)
    carried = {one.step: _fall(one.probability_drop) for one in explanation.token_effects}
    heads = [render(msg(f"token.{name}"), language) for name in ("number", "token")]
    heads += [row.letter for row in rows]
    most = float(explanation.saliency.max()) or 1.0
    known = explanation.direction_summaries[0].retention
    heads += [render(msg(f"token.{name}"), language) for name in ("share", "left", "sensitivity")]
    return heads, [
        [
            str(step + 1), sanitize(word), *(row.written[step] for row in rows), carried.get(step, "–"),
            "–" if known is None else percent(float(known.retained[step])),
            f"{float(explanation.saliency[step]) / most:.2g}",
        ]
        for step, word in enumerate(explanation.tokens.texts)
    ]  # fmt: skip


def _policy(css: str) -> str:
    """A Content-Security-Policy that allows this very style sheet, and nothing else at all."""
    mark = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{mark}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(
            lambda name: files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
        ),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
