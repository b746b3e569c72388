"""Answer origin: the sentence that an answer rests on, claimed only as far as leave-one-out ablation proves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...tasks.answer import Answer
from ..compact_repr import compact_repr
from .leave_one_out import TokenEffect
from .search import SpanEffect

NOTHING = 0.02  # relative drop of the probability, below which an ablated write carries nothing worth naming
UNSURE = 0.6  # probability below which the network itself is not sure
SEVERAL = 3  # deciding sentences: from so many on, the answer comes from none of them
# A guess is less than so many times as likely as blind chance, or its next candidate more than so much as likely as it.
ABOVE_CHANCE, TIE = 2, 0.9

Kind = Literal["guess", "unsure", "sentence", "question", "spread", "nothing"]


@dataclass(frozen=True, kw_only=True)
class AnswerOrigin:
    """Where an answer comes from.

    kind: "guess"; "unsure" of itself; one "sentence" of the text; the "question"; "spread" over several sentences;
        "nothing": no single ablation changes it.
    start, end: the tokens of the sentence, of kind "sentence" only.
    proof: the ablation without which the answer is another: of the whole sentence, or of one token in it.
    deciding: how many sentences of the text decide the answer, each by itself.
    """

    kind: Kind
    start: int | None = None
    end: int | None = None
    proof: SpanEffect | TokenEffect | None = None
    deciding: int = 0

    __repr__ = compact_repr


def is_guess(answer: Answer, choices: int | None) -> bool:
    """Whether an answer is no more than a guess, right or not. choices: to choose from; None for a span of the text."""
    if choices and choices > 1 and answer.probability < ABOVE_CHANCE / choices:
        return True
    return len(answer.candidates) > 1 and answer.candidates[1][1] > TIE * answer.probability


def answer_origin(
    answer: Answer,
    sentences: Sequence[SpanEffect],
    tokens: Sequence[TokenEffect],
    *,
    question_start: int,
    choices: int | None,
) -> AnswerOrigin:
    """What the ablations of sentences and tokens, as from `hierarchical_search`, show of the answer's origin.

    question_start: the first token of the question. choices: as in `is_guess`.
    In an LSTM an ablated sentence writes nothing and still erases, so that several sentences may matter only for what
    they no longer replace: where the tokens that decide by themselves all stand in one sentence, it is that one.
    """
    if is_guess(answer, choices):
        return AnswerOrigin(kind="guess")

    def decides(effect: SpanEffect | TokenEffect) -> bool:
        return effect.without.text != answer.text and effect.probability_drop >= NOTHING

    def token_in(sentence: SpanEffect) -> TokenEffect | None:
        inside = (token for token in tokens if sentence.start <= token.step < sentence.end)
        return next(filter(decides, inside), None)

    by_token = {sentence: token_in(sentence) for sentence in sentences}
    proofs = {
        sentence: proof
        for sentence in sentences
        if (proof := sentence if decides(sentence) else by_token[sentence]) is not None
    }
    ranked = sorted(proofs, key=lambda sentence: -proofs[sentence].probability_drop)
    of_text = [sentence for sentence in ranked if sentence.start < question_start]
    if answer.probability < UNSURE:
        return AnswerOrigin(kind="unsure")
    with_token = [sentence for sentence in of_text if by_token[sentence] is not None]
    if len(of_text) >= SEVERAL and len(with_token) != 1:
        return AnswerOrigin(kind="spread", deciding=len(of_text))
    if of_text:
        origin = with_token[0] if len(with_token) == 1 else of_text[0]
        return AnswerOrigin(
            kind="sentence", start=origin.start, end=origin.end, proof=proofs[origin], deciding=len(of_text)
        )
    if ranked:
        return AnswerOrigin(kind="question")
    largest = max((effect.probability_drop for effect in (*sentences, *tokens)), default=0.0)
    return AnswerOrigin(kind="nothing" if largest < NOTHING else "spread")
