"""What a choice reader registers: how it is trained, what it reads, which data suit it."""

from typing import Any

from ...data.corpora import Corpus, read
from ...wording import count_of
from ..kind import ASK, TaskKind
from .reader import ChoiceReader

# A set of answers is closed if each comes back this often on average: there is then enough to learn each one from.
_COMES_BACK = 5


def suits(corpus: Corpus) -> tuple[bool, str]:
    """Whether the answers are a small closed set, and the figures in words."""
    questions, answers = len(corpus.questions), len({question.answers[0] for question in corpus.questions})
    counts = f"{count_of(answers, 'different answers')} to {count_of(questions, 'questions')}"
    if answers * _COMES_BACK <= questions:
        return True, f"Only {counts}"
    return False, f"{counts} are too many to choose among"


def recipe(examples: int) -> dict[str, Any]:
    """The recipe of the stories: a high rate, constant for 60 % of the steps, then falling to 0.

    32 epochs, but at least 600 steps; of a large corpus 10,000 steps, but at least 5 epochs.
    """
    batch_size = 32
    at_least = max(600, 5 * examples // batch_size + 1)
    return {"steps": max(min(examples, 10_000), at_least), "batch_size": batch_size}


KIND = TaskKind(
    task=ChoiceReader,
    recipe=recipe,
    read=read,
    unit="questions",
    asks=True,
    takes_vectors=True,
    use=ASK,
    does="picks an answer seen before",
    suits=suits,
)
