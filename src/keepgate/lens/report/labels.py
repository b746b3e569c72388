"""The words of a look's pictures in each language, and places of a text as a reader wants to see them."""

from ...wording import Catalog, Message, msg, sanitize
from ..readers.explanation import Explanation

_CATALOG = Catalog("keepgate.lens.report")
table, render, sentence, paragraph = _CATALOG.table, _CATALOG.render, _CATALOG.sentence, _CATALOG.paragraph

# The language's name in the library → its short name in the tables of words.
SHORT = {"en": "en", "zh-TW": "zh"}
# A sentence that is quoted is cut to so many letters, a token to so many.
SENTENCE, TOKEN = 48, 24


def cut(text: str, most: int) -> str:
    """The text on one line, without what would steer a page, its middle left out where it is longer."""
    shown = sanitize(" ".join(text.split()))
    half = (most - 1) // 2
    return shown if len(shown) <= most else f"{shown[:half]}…{shown[-half:]}"


def quoted(text: str, most: int = TOKEN) -> Message:
    """A piece of the text in quotes."""
    return msg("token.quoted", text=cut(text, most))


def token(explanation: Explanation, step: int) -> Message:
    """One token in quotes."""
    return quoted(explanation.tokens.texts[step])


def piece(explanation: Explanation, start: int, end: int) -> Message:
    """The tokens from … up to … in quotes, with what stands between them, without the full stop at their end."""
    return quoted(text_of(explanation, start, end).rstrip("。．.") or "…", SENTENCE)


def text_of(explanation: Explanation, start: int, end: int) -> str:
    """What the text, and the question after it, say from one token up to another."""
    whole = explanation.question.text + explanation.question.question
    return whole[explanation.tokens.starts[start] : explanation.tokens.ends[end - 1]]


def sentence_of(explanation: Explanation, step: int) -> tuple[int, int]:
    """The tokens from … up to … of the sentence in which a token stands."""
    return next((start, end) for start, end in explanation.sentence_spans if start <= step < end)


def network(explanation: Explanation) -> Message:
    """The network as a reader knows it."""
    two, deep = len(explanation.direction_summaries) > 1, explanation.layers > 1
    key = ("deep_two" if two else "deep") if deep else ("two" if two else "one")
    return msg(
        f"network.{key}",
        cell=short_name(explanation),
        units=f"{explanation.units:,}",
        layers=str(explanation.layers),
    )


def short_name(explanation: Explanation) -> str:
    """The cell's name."""
    family = explanation.cell.partition("_")[0]
    return family.upper() if family in ("lstm", "gru", "rnn") else explanation.cell


def gate(name: str, *, reverse: bool = False, short: bool = False) -> Message:
    """A gate with what it does, or by its name alone."""
    known = f"gate.{name}" if short else f"strips.{name}"
    said = msg(known) if known in table() and len(name) == 1 else msg("strips.other", name=name)
    return msg("strips.backwards", gate=said) if reverse else said
