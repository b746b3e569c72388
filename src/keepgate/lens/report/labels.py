"""Labels of the lens's reports in each language: the catalog, and pieces of a text in quotes."""

import math
from typing import Literal

from ...errors import SettingsError, nearest_first
from ...tasks.answer import Answer
from ...wording import Catalog, Message, Part, count, msg, probability, sanitize, significant
from ..readers.explanation import Explanation
from ..readers.leave_one_out import TokenEffect
from ..readers.span_search import SpanEffect

_CATALOG = Catalog("keepgate.lens.report")
table, render, sentence, paragraph = _CATALOG.table, _CATALOG.render, _CATALOG.sentence, _CATALOG.paragraph

Language = Literal["en", "zh-TW"]
LANGUAGES = {"en": "en", "zh-TW": "zh"}  # a language of the lens → its name in the catalog
TORCH_NAMES = {"rnn_tanh": "RNN", "rnn_relu": "RNN", "lstm": "LSTM", "gru": "GRU", "gru_reset_before": "GRU"}
# Letters to which a quoted sentence and a quoted token are cut.
SENTENCE, TOKEN = 48, 24


def catalog_language(language: str) -> str:
    """The catalog's name of a language. Raises SettingsError for one that the lens does not have."""
    if language not in LANGUAGES:
        raise SettingsError(
            f"language is {language!r}; choose one of {', '.join(nearest_first(language, LANGUAGES))}"
        )
    return LANGUAGES[language]


def worded(explanation: Explanation, key: str, **parts: Part) -> Message:
    """An entry of the catalog; of what has steps in place of tokens, the one that says so, where there is one."""
    steps = f"{key}_steps"
    return msg(steps if explanation.unit != "token" and steps in table() else key, **parts)


def cut(text: str, most: int = TOKEN) -> str:
    """The text on one line, without what would steer a page, its middle left out where it is longer."""
    line = sanitize(" ".join(text.split()))
    half = (most - 1) // 2
    return line if len(line) <= most else f"{line[:half]}…{line[-half:]}"


def quoted(text: str, most: int = TOKEN) -> Message:
    """A piece of the text in quotes."""
    return msg("token.quoted", text=cut(text, most))


def token(explanation: Explanation, step: int) -> Message:
    """One token in quotes; of a labelled series the step."""
    if explanation.labelled_series is not None:
        return msg("token.step", n=count(step + 1))
    return quoted(explanation.tokens.texts[step])


def position(explanation: Explanation, step: int) -> Message:
    """One token in quotes with its number; of a labelled series the step, which is its number."""
    name = token(explanation, step)
    if explanation.labelled_series is not None:
        return name
    return worded(explanation, "token_effects.position", token=name, n=count(step + 1))


def piece(explanation: Explanation, start: int, end: int) -> Message:
    """The tokens from … up to … in quotes, with what stands between them, without the full stop at their end."""
    return quoted(text_of(explanation, start, end).rstrip("。．.") or "…", SENTENCE)


def text_of(explanation: Explanation, start: int, end: int) -> str:
    """What the text, and the question after it, say from one token up to another."""
    whole = explanation.question.text + explanation.question.question
    return whole[explanation.tokens.starts[start] : explanation.tokens.ends[end - 1]]


def sentence_of(explanation: Explanation, step: int) -> tuple[int, int]:
    """The tokens from … up to … of the sentence in which a token stands; of a series the step alone."""
    around = ((start, end) for start, end in explanation.sentence_spans if start <= step < end)
    return next(around, (step, step + 1))


def network(explanation: Explanation) -> Message:
    """The network with its size, in words."""
    two, deep = len(explanation.direction_summaries) > 1, explanation.layers > 1
    key = ("deep_two" if two else "deep") if deep else ("two" if two else "one")
    return msg(
        f"network.{key}", cell=short_name(explanation), units=explanation.units, layers=explanation.layers
    )


def short_name(explanation: Explanation) -> str:
    """The cell's name as torch writes it; another cell's own."""
    return TORCH_NAMES.get(explanation.cell, explanation.cell)


def likelihood(answer: Answer) -> str:
    """An answer's probability; nothing for a number, which has none."""
    return "" if math.isnan(answer.probability) else probability(answer.probability)


def outcome(effect: TokenEffect | SpanEffect) -> str:
    """The probability of the answer that an effect leads to, or by how much a number changes."""
    return likelihood(effect.without) if effect.change is None else signed(effect.change)


def signed(value: float) -> str:
    """A change or share with its sign, three digits that count."""
    return significant(value, 3, sign=True)


def gate(name: str, *, reverse: bool = False, short: bool = False) -> Message:
    """A gate with what it does, or by its name alone."""
    key = f"gate_name.{name}" if short else f"gates.{name}"
    label = msg(key) if key in table() and len(name) == 1 else msg("gates.other", name=name)
    return msg("gates.reverse", gate=label) if reverse else label
