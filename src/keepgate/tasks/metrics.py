"""How right an answer is: exact match, and two F1 that give part of the credit for part of the answer."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from ..data.questions import Question
from ..data.text import tokenize
from ..errors import SettingsError, ShapeError
from .answer import Answer
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
    left, right = _tokens(prediction), _tokens(answer)
    if not left and not right:
        return float(prediction.strip() == answer.strip())
    return float(left == right)


def f1_substring(prediction: str, answer: str) -> float:
    """F1 from the longest run of tokens that both have, as CMRC 2018 counts it.

    Lower case; a Chinese character is one token, other runs are words; punctuation is dropped. With a run of
    k tokens, precision is k / tokens of the prediction and recall k / tokens of the answer.

    >>> f1_substring("想成為海賊王", "海賊王")  # a run of 3, precision 3/6, recall 3/3
    0.6666666666666666
    """
    left, right = _tokens(prediction), _tokens(answer)
    if not left or not right:
        return exact_match(prediction, answer)
    return 2 * _longest_run(left, right) / (len(left) + len(right))


def f1_bag(prediction: str, answer: str) -> float:
    """F1 from the tokens that both have, in any order, as SQuAD counts it; a Chinese character is one token.

    Lower case, without punctuation and without the articles a, an, the.
    Source: Rajpurkar et al. (2016), arXiv:1606.05250.

    >>> f1_bag("the king of pirates", "Pirate king")  # "king" of 3 and of 2
    0.4
    """
    left, right = _bag(prediction), _bag(answer)
    if not left or not right:
        return exact_match(prediction, answer)
    return 2 * (left & right).total() / (left.total() + right.total())


def score(prediction: str, answers: Sequence[str]) -> Scores:
    """Each measure against the answer that is best by it. Raises ShapeError if there is no answer."""
    if not answers:
        raise ShapeError("a prediction is scored against one answer or more; there is none")
    return Scores(
        exact=max(exact_match(prediction, answer) for answer in answers),
        f1_substring=max(f1_substring(prediction, answer) for answer in answers),
        f1_bag=max(f1_bag(prediction, answer) for answer in answers),
    )


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The means over questions. Raises ShapeError if there are none."""
    if not scores:
        raise ShapeError("there are no scores to average")
    return Scores(
        exact=sum(score.exact for score in scores) / len(scores),
        f1_substring=sum(score.f1_substring for score in scores) / len(scores),
        f1_bag=sum(score.f1_bag for score in scores) / len(scores),
    )


METRICS = (
    Metric(name="exact", title="exact match"),
    Metric(name="f1_substring", title="F1, longest common substring"),
    Metric(name="f1_bag", title="F1, bag of words"),
)
# Questions between two reports of progress.
_AT_ONCE = 256


def measure_answers(
    answer: Callable[[Sequence[Question]], list[Answer]],
    questions: Sequence[Question],
    on_progress: Callable[[int], None] | None = None,
) -> Measurement:
    """The answers to these questions, scored, beside always giving the commonest answer.

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
    return Measurement(
        records=records,
        scores={
            field.name: _mean_of([getattr(scored, field.name) for scored in scores])
            for field in fields(Scores)
        },
        baselines={f"always {commonest!r}": asdict(baseline)},
    )


def _mean_of(values: Sequence[float]) -> Callable[[Rows], float]:
    array = np.asarray(values)
    return lambda rows: float(array[rows].mean())


def accuracy(predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> float:
    """The share of predictions that are, character for character, one of their question's answers.

    Raises ShapeError if there are none, or not as many lists of answers as predictions.
    """
    if not predictions or len(predictions) != len(answers):
        raise ShapeError(
            f"there are {len(predictions)} predictions and answers to {len(answers)} questions; "
            "give as many of one as of the other, and at least one"
        )
    return sum(prediction in right for prediction, right in zip(predictions, answers, strict=True)) / len(
        predictions
    )


def _tokens(text: str) -> list[str]:
    tokens = tokenize(text.lower().strip().translate(_DELETED)).texts
    return [token for token in tokens if not _is_punctuation(token)]


def _is_punctuation(token: str) -> bool:
    return len(token) == 1 and unicodedata.category(token)[0] == "P" and token not in _READ_ALOUD


def _bag(text: str) -> Counter[str]:
    kept = "".join(
        character
        for character in text.lower()
        if character not in string.punctuation and unicodedata.category(character)[0] != "P"
    )
    return Counter(tokenize(_ARTICLES.sub(" ", kept)).texts)


def _longest_run(left: Sequence[str], right: Sequence[str]) -> int:
    """Tokens of the longest contiguous run that stands in both."""
    longest = 0
    before = [0] * (len(right) + 1)
    for token in left:
        here = [0] * (len(right) + 1)
        for k, other in enumerate(right):
            if token == other:
                here[k + 1] = before[k] + 1
                longest = max(longest, here[k + 1])
        before = here
    return longest
