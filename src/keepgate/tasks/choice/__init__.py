"""A reader that picks one of the answers it has seen in training."""

from ...data.corpora import Corpus, read
from ...wording import count_of
from ..kind import ASK, TaskKind
from .reader import ChoiceReader
from .recipe import recipe
from .settings import ChoiceReaderSettings

__all__ = ["KIND", "ChoiceReader", "ChoiceReaderSettings"]

# A set of answers is closed if each comes back this often on average: there is then enough to learn each one from.
_COMES_BACK = 5


def suits(corpus: Corpus) -> tuple[bool, str]:
    """Whether the answers are a small closed set, and the figures in words."""
    questions, answers = len(corpus.questions), len({question.answers[0] for question in corpus.questions})
    counts = f"{count_of(answers, 'different answers')} to {count_of(questions, 'questions')}"
    if answers * _COMES_BACK <= questions:
        return True, f"Only {counts}"
    return False, f"{counts} are too many to choose among"


KIND = TaskKind(
    task=ChoiceReader,
    recipe=recipe,
    read=read,
    unit="questions",
    asks=True,
    use=ASK,
    does="picks an answer seen before",
    suits=suits,
)
