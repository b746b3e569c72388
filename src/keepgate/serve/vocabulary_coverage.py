"""Vocabulary coverage: a text's unknown tokens, and the known share of a story in each language."""

from collections.abc import Sequence

from ..data.text import words
from ..demo.pretrained import LANGUAGES
from ..demo.stories import pirate_king_story
from ..demo.story_templates import Language
from ..tasks.pointer import PointerReader
from ..tasks.task import Task
from .fullwidth import known_forms

# Characters of the story that coverage is measured on: in both languages some fifteen sentences or more.
CHARACTERS = 500


def unknown(task: Task, tokens: Sequence[str]) -> list[int]:
    """The indices of the tokens that the reader's vocabulary lacks, in either width."""
    if task.vocabulary is None:
        return []
    # A reader that points gives back what it read, and is given what was typed.
    return task.vocabulary.unknown(
        known_forms(tokens, task.vocabulary) if task.choices is not None else tokens
    )


def vocabulary_share(task: Task) -> dict[Language, float]:
    """The share of the pirate king's story, in each language, that the reader's vocabulary covers, 0 to 1."""
    return {
        language: 1 - len(unknown(task, tokens)) / len(tokens) for language, tokens in _story_tokens().items()
    }


def language_of(task: Task) -> Language:
    """The language of which it knows more words; of a pointer reader, which reads any word, of those it embeds."""
    if not isinstance(task, PointerReader):
        shares = vocabulary_share(task)
        return max(LANGUAGES, key=lambda language: shares[language])
    tokens, vocabulary = _story_tokens(), task.words
    return min(LANGUAGES, key=lambda each: len(vocabulary.unknown(tokens[each])) / len(tokens[each]))


def _story_tokens() -> dict[Language, list[str]]:
    stories = {language: pirate_king_story(CHARACTERS, language=language) for language in LANGUAGES}
    return {language: words(story.text) + words(story.question) for language, story in stories.items()}
