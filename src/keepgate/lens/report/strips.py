"""Gates over tokens: the values that stand under each token, on the page and as a figure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from markupsafe import Markup
from torch import Tensor

from ... import charts
from ...wording import Message, amount, count, msg
from ..readers.explanation import Explanation
from . import explanation_text
from .labels import cut, gate, paragraph, render, token, worded

# Of a longer text the figure shows the first tokens; the page shows all of them.
MOST = 500
LETTERS = 8  # to which a token of the figure is cut


@dataclass(frozen=True, kw_only=True)
class Row:
    """One value for each token, 0 to 1, as it is drawn and as it is written.

    letter: what stands beside it on the page; name: with what it says; short: the name alone.
    absolute: whether the values are the numbers themselves, as gates are, and not relative to the most.
    """

    letter: str
    name: Message
    short: Message
    values: Sequence[float]
    written: Sequence[str]
    absolute: bool = False


def rows(explanation: Explanation) -> list[Row]:
    """The gates of each direction, and attention; without any the effect of leaving the token out."""
    gates = [
        _row(
            f"←{name}" if summary.reverse else name, gate(name, reverse=summary.reverse),
            gate(name, reverse=summary.reverse, short=True), values, absolute=True,
        )
        for summary in explanation.direction_summaries
        for name, values in summary.gates.items()
    ]  # fmt: skip
    if explanation.attention is not None:
        relative = explanation.attention / explanation.attention.max().clamp(min=1e-300)
        gates.append(_row("a", msg("gates.attention"), msg("token.attention"), relative))
    if gates:
        return gates
    effects = _row("e", msg("gates.effect"), msg("token.effect"), explanation.relative_effects)
    ablated = {effect.step for effect in explanation.token_effects}
    written = [number if step in ablated else "–" for step, number in enumerate(effects.written)]
    return [replace(effects, written=written)]


def _row(
    letter: str, name: Message, short: Message, values: Float[Tensor, " tokens"], *, absolute: bool = False
) -> Row:
    numbers = values.tolist()
    written = [amount(value, 2) for value in numbers]
    return Row(letter=letter, name=name, short=short, values=numbers, written=written, absolute=absolute)


def description(explanation: Explanation) -> list[Message]:
    """Each gate's mean, and where it is lowest and highest; what the answer rests on where there are none."""
    if not explanation.gated:
        return explanation_text.conclusion(explanation)
    messages = []
    for row in rows(explanation):
        if row.absolute:
            steps = sorted(range(len(row.values)), key=row.values.__getitem__)
            mean, bottom, top = amount(sum(row.values) / len(row.values), 2), steps[0], steps[-1]
            messages.append(
                msg(
                    "gates.description", gate=row.short, mean=mean, low=row.written[bottom], high=row.written[top],
                    bottom=token(explanation, bottom), top=token(explanation, top),
                )
            )  # fmt: skip
    return messages


def draw_strips(explanation: Explanation, language: str, identity: str, width: float, class_: str) -> Markup:
    """The figure, `width` wide in its own pixels."""
    messages = description(explanation)
    if len(explanation.tokens) > MOST:
        messages.append(worded(explanation, "gates.shortened", n=MOST, all=count(len(explanation.tokens))))
    bars = [
        charts.Row(
            name=render(row.short, language),
            kind=row.letter.removeprefix("←"),
            values=row.values,
            written=row.written,
        )
        for row in rows(explanation)
    ]
    tokens = [cut(text, LETTERS) for text in explanation.tokens.texts[:MOST]]
    title = render(worded(explanation, "gates.title"), language)
    return charts.draw_strip(tokens, bars, identity, title, paragraph(messages, language), width, class_)
