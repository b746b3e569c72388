"""What reading a corpus gives: the questions, and an account of those left out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from ..questions import Question

# What a question must have to be kept: a text and a question only; an answer too; or an answer that stands
# in the text.
Needs = Literal["question", "answer", "span"]


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
        """How many of the questions have an answer that stands in the text, 0 to 1; 0 without questions."""
        pointed = sum(any(start is not None for start in question.starts) for question in self.questions)
        return pointed / len(self.questions) if self.questions else 0.0

    def account(self, at_most: int = 5) -> str:
        """One line that counts what was taken and what was not, then the first questions left out."""
        lines = [f"{len(self.questions):,} questions ({self.format})"]
        if self.moved:
            lines[0] += f", {self.moved:,} answers found at another place than the file says"
        if self.left_out:
            reasons = Counter(one.reason for one in self.left_out)
            lines[0] += f", {len(self.left_out):,} left out: " + "; ".join(
                f"{count:,} because {reason}" for reason, count in reasons.most_common()
            )
            lines += [f"  {one}" for one in self.left_out[:at_most]]
            if len(self.left_out) > at_most:
                lines.append(f"  and {len(self.left_out) - at_most:,} more")
        return "\n".join(lines)

    def keep(self, question: Question, path: str, where: str, needs: Needs) -> None:
        """Takes the question if it has what is needed, and otherwise notes it as left out, and why."""
        reason = _lacks(question, needs)
        if reason is None:
            self.questions.append(question)
        else:
            self.left_out.append(LeftOut(path, where, reason))


def _lacks(question: Question, needs: Needs) -> str | None:
    if not question.text.strip():
        return "the text is empty"
    if not question.question.strip():
        return "the question is empty"
    if needs == "question":
        return None
    if not question.answers:
        return "there is no answer"
    if needs == "span" and all(start is None for start in question.starts):
        return "the answer is not in the text"
    return None
