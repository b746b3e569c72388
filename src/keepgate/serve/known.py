"""What a reader knows of a text: the tokens that its vocabulary lacks, and how much of a story in each language."""

from collections.abc import Sequence

from ..data.corpora.stories import article
from ..data.corpora.telling import Language
from ..data.text import words
from ..data.vocabulary import UNKNOWN
from ..tasks.reader import ChoiceReader
from ..tasks.span import SpanReader
from ..tasks.task import Task
from .shipped import LANGUAGES
from .widths import twin

# Characters of the story by which it is judged: in both languages some fifteen sentences or more.
CHARACTERS = 500


def unknown(task: Task, tokens: Sequence[str]) -> list[int]:
    """The places of the tokens that the reader's vocabulary lacks."""
    if isinstance(task, ChoiceReader):
        vocabulary, spelt = task.vocabulary, [twin(token, task.vocabulary) for token in tokens]
    elif isinstance(task, SpanReader):
        vocabulary, spelt = task.counted.vocabulary, list(tokens)
    else:
        return []
    ids = vocabulary.ids(token.lower() for token in spelt)
    return [place for place, number in enumerate(ids) if number == UNKNOWN]


def familiar(task: Task) -> dict[Language, float]:
    """The share of the article's story, in each language, whose tokens the reader's vocabulary has, 0 to 1."""
    shares: dict[Language, float] = {}
    for language in LANGUAGES:
        told = article(CHARACTERS, language=language)
        tokens = words(told.text) + words(told.question)
        shares[language] = 1 - len(unknown(task, tokens)) / len(tokens)
    return shares
