"""Detection of the task: which kind of reader a corpus asks for, and the reason in words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..errors import SettingsError
from ..wording import percent
from .console import count_of

if TYPE_CHECKING:
    from ..data.corpora import Corpus

Kind = Literal["auto", "span", "choice"]

# A set of answers is closed if each comes back this often on average: there is then enough to learn each one from.
_COMES_BACK = 5
# At least this share of the answers must stand in their texts for a reader that points to be worth training.
_MOSTLY = 0.5


@dataclass(frozen=True)
class Chosen:
    """A kind of reader, as files name it, and the reason in words."""

    kind: str
    why: str


def detect_task(corpus: "Corpus", kind: Kind = "auto") -> Chosen:
    """The kind of reader that a corpus asks for, or the one that was asked for, with the reason.

    A small closed set of answers makes it a choice; else, answers that stand in their texts make it a span.
    Raises SettingsError if it is neither.
    """
    if kind != "auto":
        return Chosen(f"{kind}-reader", f"Training a {kind} reader, as --kind says.")
    questions, answers = len(corpus.questions), len({question.answers[0] for question in corpus.questions})
    if answers * _COMES_BACK <= questions:
        return Chosen(
            "choice-reader",
            f"Only {count_of(answers, 'different answers')} to {count_of(questions, 'questions')}: training a choice "
            "reader, which picks one of them. (--kind span: one that points into the text.)",
        )
    inside = f"{percent(corpus.share_in_text)} of the answers stand in their texts".replace(
        "100% of the", "All"
    )
    if corpus.share_in_text >= _MOSTLY:
        return Chosen(
            "span-reader",
            f"{inside}, and {answers:,} of {questions:,} differ: training a span reader, which points into the text. "
            "(--kind choice: one that picks an answer seen before.)",
        )
    raise SettingsError(
        f"{answers:,} different answers to {questions:,} questions are too many to choose among, and only {inside}, "
        "which is too few to point at; --kind choice or --kind span trains one all the same"
    )
