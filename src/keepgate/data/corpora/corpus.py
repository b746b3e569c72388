"""Corpus: the questions of some files, and an account of those left out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...wording import count_of
from ..questions import Question
from .values import as_text

# What a question must have to be kept: nothing, for it is only asked; an answer; or one that stands in the text.
Needs = Literal["question", "answer", "span"]
_LISTED = 8  # labels or tags that an account names


@dataclass(frozen=True)
class LeftOut:
    """One question that was left out: its file, where in it ("line 12", "question DEV_3"), and why."""

    path: str
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}, {self.where}: {self.reason}"


@dataclass
class Corpus:
    """Questions in the order of their files.

    format: "squad", "babi", "json lines", "json records" or "tsv"; several, joined by " + ", where files
        differ.
    left_out: every question that was not taken, with its reason.
    moved: answers that stood at another place than their file says, and were found again at the nearest.
    """

    questions: list[Question]
    format: str
    left_out: list[LeftOut] = field(default_factory=list)
    moved: int = 0

    @property
    def share_in_text(self) -> float:
        """How many of the questions that are answered have an answer that stands in the text, 0 to 1; 0 without any."""
        pointed = sum(any(start is not None for start in question.starts) for question in self.questions)
        answered = len(self.questions) - self.unanswerable
        return pointed / answered if answered else 0.0

    @property
    def unanswerable(self) -> int:
        """How many of the questions are not answered by their texts."""
        return sum(question.unanswerable for question in self.questions)

    def account(self, at_most: int = 5) -> str:
        """One line that counts what was taken and what was not, then the first questions left out."""
        summary = f"{count_of(len(self.questions), 'questions')} ({self.format})"
        if self.unanswerable:
            summary += f", {self.unanswerable:,} of them without an answer in the text"
        if self.moved:
            summary += f", {count_of(self.moved, 'answers')} found at another place than the file says"
        return account_of(summary, self.left_out, at_most)

    @property
    def items(self) -> list[Question]:
        """The questions: what a task is built from and trained on."""
        return self.questions

    def keep(self, question: Question, path: str, where: str, needs: Needs) -> None:
        """Takes the question if it has what is needed, and otherwise notes it as left out, and why.

        One that is only asked is taken also where it is noted, for each row is to have an answer.
        """
        reason = _lacks(question, needs)
        if reason is None or needs == "question":
            self.questions.append(question)
        if reason is not None:
            self.left_out.append(LeftOut(path, where, reason))


def identity(given: object, place: str, needs: Needs) -> str:
    """The id of a question: that which it is given, else its place, or none where it is only asked."""
    return as_text(given) or ("" if needs == "question" else place)


def account_of(summary: str, left_out: Sequence[LeftOut], at_most: int) -> str:
    """The summary, and after it how many were left out, why, and the first so many of them."""
    if not left_out:
        return summary
    reasons = Counter(item.reason for item in left_out).most_common()
    counts = "; ".join(f"{count:,} because {reason}" for reason, count in reasons)
    lines = [
        f"{summary}, {len(left_out):,} left out: {counts}",
        *(f"  {item}" for item in left_out[:at_most]),
    ]
    more = len(left_out) - at_most
    return "\n".join([*lines, f"  and {more:,} more"] if more > 0 else lines)


def listed_counts(values: Iterable[str], plural: str) -> str:
    """How many different values there are, and the commonest with their counts: "2 labels: good 20, bad 5.".

    Of equally common ones the first by name comes first.

    values: all of them, or a Counter of them.
    """
    counts = sorted(Counter(values).items(), key=lambda each: (-each[1], each[0]))
    commonest = ", ".join(f"{' '.join(value.split())} {count:,}" for value, count in counts[:_LISTED])
    more = f" and {len(counts) - _LISTED:,} more" if len(counts) > _LISTED else ""
    return f"{count_of(len(counts), plural)}: {commonest}{more}."


def _lacks(question: Question, needs: Needs) -> str | None:
    if not question.text.strip():
        return "the text is empty"
    if not question.question.strip():
        return "the question is empty"
    if needs == "question":
        return None
    if not question.answers:
        return "there is no answer"
    if needs == "span" and not question.unanswerable and all(start is None for start in question.starts):
        return "the answer is not in the text"
    return None
