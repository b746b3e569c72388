"""What a reader knows of a text: the tokens that its vocabulary lacks, and how much of a story in each language."""

from collections.abc import Sequence

from ..data.text import words
from ..demo.pretrained import LANGUAGES
from ..demo.stories import pirate_king_story
from ..demo.story_templates import Language
from ..tasks.choice.reader import ChoiceReader
from ..tasks.task import Task
from .widths import twin

# Characters of the story by which it is judged: in both languages some fifteen sentences or more.
CHARACTERS = 500


def unknown(task: Task, tokens: Sequence[str]) -> list[int]:
    """The places of the tokens that the reader's vocabulary lacks, in either width."""
    if isinstance(task, ChoiceReader):
        tokens = [twin(token, task.vocabulary) for token in tokens]
    return task.vocabulary.unknown(tokens) if task.vocabulary is not None else []


def familiar(task: Task) -> dict[Language, float]:
    """The share of the article's story, in each language, whose tokens the reader's vocabulary has, 0 to 1."""
    shares: dict[Language, float] = {}
    for language in LANGUAGES:
        told = pirate_king_story(CHARACTERS, language=language)
        tokens = words(told.text) + words(told.question)
        shares[language] = 1 - len(unknown(task, tokens)) / len(tokens)
    return shares
