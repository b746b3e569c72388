"""Which tokens a reader has never seen, so that all of them look alike to it."""

from collections.abc import Sequence

from ..data.vocabulary import UNKNOWN
from .reader import ChoiceReader
from .span import SpanReader
from .task import Task


def unknown(task: Task, tokens: Sequence[str]) -> list[int]:
    """The places of the tokens that the reader's vocabulary lacks; none for a task without one."""
    if isinstance(task, ChoiceReader):
        vocabulary = task.vocabulary
    elif isinstance(task, SpanReader):
        vocabulary = task.counted.vocabulary
    else:
        return []
    ids = vocabulary.ids(token.lower() for token in tokens)
    return [place for place, number in enumerate(ids) if number == UNKNOWN]
