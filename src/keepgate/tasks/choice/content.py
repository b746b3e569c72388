"""What a choice reader's files hold beside settings and weights, and where its answers stand in a text."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...data.questions import Question, locate
from ...data.text import sentence_around
from ...data.vocabulary import Vocabulary
from ...errors import CorpusError
from ..answer import Answer


def check_choices(choices: Sequence[str]) -> None:
    """Raises CorpusError if there is no choice, or one comes twice."""
    if not choices or len(set(choices)) < len(choices):
        raise CorpusError(
            f"a choice reader needs one or more different answers to choose from, got {list(choices)}"
        )


def vocabulary_of(plain: Mapping[str, Any]) -> tuple[Vocabulary, list[str]]:
    """Tokens and choices, each in the order of their numbers. Raises CorpusError for another form."""
    choices = plain.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise CorpusError('a choice reader\'s vocabulary has "tokens" and "choices", both lists of texts')
    return Vocabulary.from_json(plain.get("tokens")), choices


def answer_in(item: Question, candidates: tuple[tuple[str, float], ...]) -> Answer:
    """The first of some choices as an answer, with where its words most likely stand in the text, if they do."""
    text, probability = candidates[0]
    start = locate(item.text, item.question, text, whole=True)
    if start is None:
        return Answer(text, probability, candidates=candidates)
    end = start + len(text)
    first, last = sentence_around(item.text, start, end)
    return Answer(text, probability, start, end, item.text[first:last], candidates)
