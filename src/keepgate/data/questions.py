"""Question: one question about one text, with its answers and where they stand."""

import bisect
import functools
from collections.abc import Iterator, Sized
from dataclasses import dataclass

from ..errors import CorpusError, SettingsError
from .text import is_boundary, sentence_starts, words

# The answers of a question that its text does not answer.
NO_ANSWER = ("",)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A text, a question about it, and the answers that count as right (none, when it is only asked).

    answers: ("",), an empty one alone, says that the text does not answer the question (SQuAD 2.0).
    starts: for each answer the character at which it stands in `text`; None where that is not known or the
        answer is not in the text. May be left out: every start is then None.
    facts: character ranges of the sentences that the answer rests on, where the corpus says so (bAbI does).
    Raises CorpusError unless there is one start for each answer, and answers and facts are where it says.
    """

    text: str
    question: str
    answers: tuple[str, ...] = ()
    starts: tuple[int | None, ...] = ()
    id: str = ""
    facts: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.starts:
            object.__setattr__(self, "starts", (None,) * len(self.answers))
        if len(self.starts) != len(self.answers):
            raise CorpusError(
                f"question {self.id!r} has {len(self.answers)} answers and {len(self.starts)} starts; "
                "give one start for each answer (None where it is not known)"
            )
        for answer, start in zip(self.answers, self.starts, strict=True):
            if start is not None and (start < 0 or not self.text.startswith(answer, start)):
                there = self.text[max(start, 0) : max(start, 0) + len(answer)]
                raise CorpusError(
                    f"question {self.id!r}: the answer {answer!r} is said to start at character {start}, "
                    f"where the text has {there!r}; correct the start, or give None"
                )
        for start, end in self.facts:
            if not 0 <= start <= end <= len(self.text):
                raise CorpusError(
                    f"question {self.id!r}: a fact is said to be characters {start} to {end} "
                    f"of a text of {len(self.text)}"
                )

    @property
    def unanswerable(self) -> bool:
        """Whether it is known that the text does not answer it."""
        return self.answers == NO_ANSWER

    @property
    def summary(self) -> str:
        """The question with its first answer, for a list of questions."""
        return f"{self.question} (answer: {self.answers[0] or 'none'})" if self.answers else self.question


def question_about(text: str, question: str | None) -> Question:
    """A question about a text, to be answered. Raises SettingsError if none is asked."""
    if question is None:
        raise SettingsError("a reader answers a question about the text; give one (--question)")
    return Question(text=text, question=question)


def refuse_empty(question: Question, text: Sized, asked: Sized) -> None:
    """Raises CorpusError if the tokens of the text, or of what is asked, are none."""
    for tokens, name in ((text, "text"), (asked, "question")):
        if not len(tokens):
            raise CorpusError(f"question {question.id!r}: the {name} is empty; give one with something in it")


def places(text: str, answer: str) -> Iterator[int]:
    """Every character of `text` at which `answer` starts, in order; none for an empty answer."""
    at = text.find(answer) if answer else -1
    while at >= 0:
        yield at
        at = text.find(answer, at + 1)


def locate(text: str, question: str, answer: str, *, whole: bool = False) -> int | None:
    """The character at which `answer` most likely stands in `text`, or None if it is not there.

    Places where it is made of whole tokens come before those inside one ("no" in "north"), which `whole`
    leaves out altogether. Of several places, the one whose sentence shares the most tokens with the
    question; the first of equals.
    """
    starts = list(places(text, answer))
    if not starts or (len(starts) == 1 and not whole):
        return starts[0] if starts else None
    aligned = [at for at in starts if is_boundary(text, at) and is_boundary(text, at + len(answer))]
    if not aligned and whole:
        return None
    question_words = set(words(question))
    bounds = [*sentence_starts(text), len(text)]

    @functools.cache
    def shared(sentence: int) -> int:
        return len(question_words & set(words(text[bounds[sentence] : bounds[sentence + 1]])))

    return max(aligned or starts, key=lambda at: shared(bisect.bisect_right(bounds, at) - 1))
