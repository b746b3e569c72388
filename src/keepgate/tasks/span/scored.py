"""ScoredQuestion: a question with the scores of all its answers; the temperature that fits some of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...data.questions import Question
from ...data.text import Tokens
from ...wording import count_of
from ..answer import Answer
from ..calibration import FEWEST, calibration_error, no_best, too_few, verdict
from ..metrics import score
from .decode import Floats, SpanOrNone, answer_of
from .settings import SpanReaderSettings

# Questions that the temperature, one number, is fitted to.
QUESTIONS_CALIBRATED = 500
# Tokens of their texts: 31 MB of scores.
TOKENS_CALIBRATED = 262_144
# Temperatures, as powers of 2, of which the best is taken, and the distances of those around it; no finer than a
# twentieth, which a thousand questions would not tell apart.
_COARSE, _FINE = np.arange(-6.0, 13.0), np.arange(-7, 8) / 8
# How sure of being right or wrong an answer is taken to be at most, so that one surprise does not outweigh all others.
_SURE = 1e-6


@dataclass(frozen=True, eq=False)
class ScoredQuestion:
    """A question, its text's tokens, the scores of their spans [time, longest], and that of no answer or None."""

    question: Question
    tokens: Tokens
    span: Floats
    null: float | None

    def answer(self, settings: SpanReaderSettings) -> Answer:
        """What a reader of these settings answers. Raises BundleError as `answer_of`."""
        return answer_of(
            self.question.text, self.tokens, self.span, self.null, f1_weight=settings.f1_weight,
            threshold=settings.no_answer_threshold, temperature=settings.temperature,
        )  # fmt: skip

    def undecided(self, settings: SpanReaderSettings) -> SpanOrNone:
        """The best span beside no answer."""
        assert self.null is not None
        span = replace(self, null=None).answer(settings)
        return SpanOrNone.of(span, self.span, self.null, settings.temperature)

    def leads(self, answer: Answer) -> Floats:
        """By how much the score of each answer is above this one's, in nats."""
        scores = self.span.ravel() if self.null is None else np.append(self.span, np.float32(self.null))
        if answer.start is None or answer.end is None:
            return scores - scores[-1]
        first, last = self.tokens.starts.index(answer.start), self.tokens.ends.index(answer.end)
        return scores - self.span[first, last - first]


@dataclass
class Sample:
    """Some of so many questions, evenly taken from all, as far as `TOKENS_CALIBRATED` goes."""

    asked: int
    items: dict[int, ScoredQuestion] = field(default_factory=dict)
    _tokens: int = 0

    def offer(self, number: int, item: ScoredQuestion) -> None:
        """Takes the question of this number in, or not."""
        every = -(-self.asked // QUESTIONS_CALIBRATED)
        if number % every == 0 and self._tokens + len(item.tokens) <= TOKENS_CALIBRATED:
            # A copy: the scores are a part of their whole batch's, which would be held with them.
            self.items[number] = replace(item, span=item.span.copy())
            self._tokens += len(item.tokens)


def fit_temperature(
    items: Sequence[ScoredQuestion], answers: Sequence[Answer], asked: int, temperature: float = 1.0
) -> tuple[float, str]:
    """The temperature by which the answers' probabilities best say whether they are right, and a sentence.

    It has the least cross entropy on these items, of so many asked. `temperature`, by which the answers were given,
    stays where `verdict` is against another, of too few items, and where all or none of the answers are right.
    """
    if len(items) < FEWEST:
        return temperature, too_few(len(items), "questions")
    right = np.array([_is_right(answer, item) for answer, item in zip(answers, items, strict=True)])
    those = (
        f"these {count_of(asked, 'questions')}" if len(items) == asked else f"{len(items)} of these questions"
    )
    if right.all() or not right.any():
        return temperature, no_best(right, those)
    leads = [item.leads(answer) for answer, item in zip(answers, items, strict=True)]

    def probabilities(power: float) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            shares = [1 / np.exp(each / np.float32(2**power)).sum(dtype=np.float64) for each in leads]
        return np.array(shares)

    def cross_entropy(power: float) -> float:
        sure = probabilities(power).clip(_SURE, 1 - _SURE)
        return float(-np.log(np.where(right, sure, 1 - sure)).mean())

    coarse = min(_COARSE, key=cross_entropy)
    power = min(coarse + _FINE, key=cross_entropy)
    before = calibration_error(np.array([answer.probability for answer in answers]), right)
    after = calibration_error(probabilities(power), right)
    is_calibrated, sentence = verdict(float(2**power), before, after, those)
    return float(2**power) if is_calibrated else temperature, sentence


def _is_right(answer: Answer, item: ScoredQuestion) -> bool:
    return score(answer.text, item.question.answers).exact == 1
