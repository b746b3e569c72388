"""The threshold above which a reader answers that the text has no answer."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...data.questions import Question
from ...wording import count_of, percent
from ..metrics import score
from .decode import SpanOrNone


def choose_threshold(undecided: Sequence[SpanOrNone], questions: Sequence[Question]) -> tuple[float, float]:
    """The threshold with the best F1 (bag of words) on these questions, and this F1."""
    unanswerable = np.array([question.unanswerable for question in questions])
    worth = [
        score(each.span.text, question.answers).f1_bag
        for each, question in zip(undecided, questions, strict=True)
    ]
    odds = np.array([each.odds for each in undecided])
    return best_threshold(odds, np.array(worth), unanswerable)


def threshold_sentence(threshold: float, f1: float, questions: Sequence[Question]) -> str:
    """What was chosen, by how many questions, as a sentence."""
    share = sum(question.unanswerable for question in questions) / len(questions)
    return (
        f"No answer is given where its log odds against the best span are above {threshold:.2f}, chosen by these "
        f"{count_of(len(questions), 'questions')} ({percent(share)} unanswerable; F1 {percent(f1)})."
    )


def best_threshold(
    odds: NDArray[np.floating], worth: NDArray[np.floating], unanswerable: NDArray[np.bool_]
) -> tuple[float, float]:
    """The threshold of the log odds with the best mean score, and this score; of equal ones the lowest threshold.

    odds, worth: of each question the log odds of none, and the score of its span, which is 0 where there is none.
    Source: find_best_thresh of SQuAD 2.0's evaluation script (Rajpurkar et al. 2018, arXiv:1806.03822), which takes the
    odds of a question; here it is midway between two, so that their rounding on another machine decides nothing.
    """
    order = np.argsort(odds, kind="stable")
    ranked = odds[order]
    # Answering the first k of them: their spans' scores, and a whole one for each unanswerable question after them.
    gained = np.append(0, np.cumsum(worth[order])) + np.append(np.cumsum(unanswerable[order][::-1])[::-1], 0)
    # Questions with the same odds are answered together or not at all.
    possible = np.append(True, np.append(ranked[1:] > ranked[:-1], True))
    best = int(np.where(possible, gained, -1).argmax())
    # Below the lowest and above the highest odds there is nothing to be midway to: a nat beyond them.
    between = np.concatenate([ranked[:1] - 1, (ranked[:-1] + ranked[1:]) / 2, ranked[-1:] + 1])
    return float(between[best]), float(gained[best] / len(odds))
