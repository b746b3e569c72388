"""Metrics of answers: exact match, and F1 by common substring and by bag of words."""

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from difflib import SequenceMatcher
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from ..data.questions import Question
from ..data.text import tokenize
from ..errors import SettingsError, ShapeError
from .answer import Answer
from .calibration import CALIBRATION_ERROR, calibration_error
from .measure import Measurement, Metric, Rows

# The signs that CMRC 2018's own script deletes before it cuts a text into tokens (cmrc2018_evaluate.py, Cui
# et al. 2019, arXiv:1810.07366). What stood on both sides of one becomes one word.
_DELETED = str.maketrans("", "", "-:_*^/\\~`+=，。：？！“”；’《》…·、「」（）－～『』")
# Signs that Unicode counts as punctuation and that are read aloud all the same: 50% is not 50.
_READ_ALOUD = frozenset("%‰％#@&")
_ARTICLES = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True)
class Scores:
    """Three measures of one answer, or their means over many, each 0 to 1."""

    exact: float
    f1_substring: float
    f1_bag: float


def exact_match(prediction: str, answer: str) -> float:
    """1.0 if both are the same tokens, case and punctuation put aside, else 0.0.

    >>> exact_match("《航海王》。", "航海王")
    1.0
    """
    predicted, right = _tokens(prediction), _tokens(answer)
    if not predicted and not right:
        return float(prediction.strip() == answer.strip())
    return float(predicted == right)


def f1_substring(prediction: str, answer: str) -> float:
    """F1 from the longest run of tokens that both have, as CMRC 2018 counts it.

    Lower case; a Chinese character is one token, other runs are words; punctuation is dropped. With a run of
    k tokens, precision is k / tokens of the prediction and recall k / tokens of the answer.

    >>> f1_substring("想成為海賊王", "海賊王")  # a run of 3, precision 3/6, recall 3/3
    0.6666666666666666
    """
    predicted, right = _tokens(prediction), _tokens(answer)
    if not predicted or not right:
        return exact_match(prediction, answer)
    longest = SequenceMatcher(None, predicted, right, autojunk=False).find_longest_match()
    return 2 * longest.size / (len(predicted) + len(right))


def f1_bag(prediction: str, answer: str) -> float:
    """F1 from the tokens that both have, in any order, as SQuAD counts it; a Chinese character is one token.

    Lower case, without punctuation and without the articles a, an, the.
    Source: Rajpurkar et al. (2016), arXiv:1606.05250.

    >>> f1_bag("the king of pirates", "Pirate king")  # "king" of 3 and of 2
    0.4
    """
    predicted, right = _bag(prediction), _bag(answer)
    if not predicted or not right:
        return exact_match(prediction, answer)
    return 2 * (predicted & right).total() / (predicted.total() + right.total())


def score(prediction: str, answers: Sequence[str]) -> Scores:
    """Each measure against the answer that is best by it. Raises ShapeError if there is no answer."""
    if not answers:
        raise ShapeError("a prediction is scored against one answer or more; there is none")
    measures = (exact_match, f1_substring, f1_bag)
    return Scores(*(max(measure(prediction, answer) for answer in answers) for measure in measures))


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The means over questions. Raises ShapeError if there are none."""
    if not scores:
        raise ShapeError("there are no scores to average")
    return Scores(*(fmean(values) for values in zip(*map(astuple, scores), strict=True)))


# The calibration error is of the given answers' probabilities, against how many of them match exactly.
METRICS = (
    Metric(name="exact", title="exact match"),
    Metric(name="f1_substring", title="F1, longest common substring"),
    Metric(name="f1_bag", title="F1, bag of words"),
    CALIBRATION_ERROR,
)
# Of questions with an answer and of those without, as SQuAD 2.0's script calls them (Rajpurkar et al. 2018,
# arXiv:1806.03822): no answer is right where there is none, and wrong elsewhere.
NO_ANSWER_METRICS = (
    Metric(name="HasAns_exact", title="exact match, answerable"),
    Metric(name="HasAns_f1", title="F1, bag of words, answerable"),
    Metric(name="NoAns_exact", title="exact match, unanswerable"),
    Metric(name="NoAns_f1", title="F1, bag of words, unanswerable"),
)
# Questions between two reports of progress.
_AT_ONCE = 256


def measure_answers(
    answer: Callable[[Sequence[Question]], list[Answer]],
    questions: Sequence[Question],
    on_progress: Callable[[int], None] | None = None,
) -> Measurement:
    """The answers to these questions, scored, beside always giving the commonest answer.

    Where some of them have no answer, so are those with and those without, apart.
    Raises SettingsError if there are no questions.
    """
    if not questions:
        raise SettingsError("there are no questions to evaluate on; give at least one, or leave dev out")
    answers: list[Answer] = []
    for first in range(0, len(questions), _AT_ONCE):
        answers += answer(questions[first : first + _AT_ONCE])
        if on_progress is not None:
            on_progress(len(answers))
    scores = [
        score(prediction.text, question.answers)
        for prediction, question in zip(answers, questions, strict=True)
    ]
    records = [
        {
            "id": question.id, "question": question.question, "answers": list(question.answers),
            "prediction": prediction.text,
            "probability": prediction.probability, **asdict(scored),
        }
        for question, prediction, scored in zip(questions, answers, scores, strict=True)
    ]  # fmt: skip
    commonest = Counter(question.answers[0] for question in questions).most_common(1)[0][0]
    baseline = mean_scores([score(commonest, question.answers) for question in questions])
    unanswerable = np.array([question.unanswerable for question in questions])
    probability = np.array([prediction.probability for prediction in answers])
    right = np.array([scored.exact == 1 for scored in scores])
    return Measurement(
        records=records,
        scores={
            field.name: _mean_of([getattr(scored, field.name) for scored in scores])
            for field in fields(Scores)
        }
        | {"calibration_error": lambda rows: calibration_error(probability[rows], right[rows])}
        | _by_answerability(scores, unanswerable),
        baselines={f"always {commonest!r}" if commonest else "always no answer": asdict(baseline)},
    )


def _by_answerability(
    scores: Sequence[Scores], unanswerable: NDArray[np.bool_]
) -> dict[str, Callable[[Rows], float]]:
    """The four metrics of SQuAD 2.0, of the kinds of questions that occur; none where all have an answer."""
    kinds = {"HasAns": ~unanswerable, "NoAns": unanswerable} if unanswerable.any() else {}
    return {
        f"{kind}_{name}": _mean_of([getattr(scored, field) for scored in scores], among)
        for kind, among in kinds.items()
        if among.any()
        for name, field in (("exact", "exact"), ("f1", "f1_bag"))
    }


def _mean_of(values: Sequence[float], among: NDArray[np.bool_] | None = None) -> Callable[[Rows], float]:
    """The mean over rows, of those that are marked alone; NaN where none of them is."""
    array, marked = np.asarray(values), np.ones(len(values), bool) if among is None else among

    def mean(rows: Rows) -> float:
        chosen = array[rows][marked[rows]]
        return float(chosen.mean()) if len(chosen) else math.nan

    return mean


def _tokens(text: str) -> list[str]:
    tokens = tokenize(text.lower().strip().translate(_DELETED)).texts
    return [token for token in tokens if not _is_punctuation(token)]


def _is_punctuation(token: str) -> bool:
    return len(token) == 1 and unicodedata.category(token)[0] == "P" and token not in _READ_ALOUD


def _bag(text: str) -> Counter[str]:
    letters = "".join(
        character
        for character in text.lower()
        if character not in string.punctuation and unicodedata.category(character)[0] != "P"
    )
    return Counter(tokenize(_ARTICLES.sub(" ", letters)).texts)
