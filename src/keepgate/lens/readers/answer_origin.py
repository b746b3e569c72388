"""Origin of an answer: the sentence or question that decides it, as far as leave-one-out ablation can show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...tasks.answer import Answer
from ..thresholds import NEGLIGIBLE_DROP, RUNNER_UP, SEVERAL, TIMES_CHANCE
from .leave_one_out import TokenEffect
from .span_search import SpanEffect

Kind = Literal["guess", "sentence", "question", "spread", "nothing"]


@dataclass(frozen=True, kw_only=True)
class AnswerOrigin:
    """Origin of an answer.

    kind:     "guess": see `is_guess`. "sentence": leaving `sentence` out, or one token of it, changes the answer.
              "question": only leaving out parts of the question does. "spread": leaving out any of `SEVERAL` sentences
              or more does, or nothing does although some ablations lower the answer's probability. "nothing": none
              lowers it by `NEGLIGIBLE_DROP`.
    sentence: the one that decides the answer, or the one of largest effect among several. proof: the effect, of one
              token of it or of all of it, that changes the answer. Both None where nothing does, and for a guess.
    others:   the number of further sentences of the text that change the answer as well.
    """

    kind: Kind
    sentence: SpanEffect | None = None
    proof: SpanEffect | TokenEffect | None = None
    others: int = 0


def has_rival(answer: Answer) -> bool:
    """True if the runner-up has more than `RUNNER_UP` times the answer's probability."""
    return len(answer.candidates) > 1 and answer.candidates[1][1] > RUNNER_UP * answer.probability


def is_guess(answer: Answer, choices: int | None = None) -> bool:
    """True if an answer is hardly likelier than the runner-up, or than blind chance among the choices.

    choices: number of answers or labels to choose among; None where the reader points at a span of the text.
    The answer's odds p / (1 - p) are compared with those of chance, not its probability: with two choices, twice the
    probability of chance would be certainty.
    """
    if choices is not None and choices > 1:
        odds_of_chance = 1 / (choices - 1)
        if answer.probability < TIMES_CHANCE * odds_of_chance * (1 - answer.probability):
            return True
    return has_rival(answer)


def answer_origin(
    answer: Answer,
    sentences: Sequence[SpanEffect],
    tokens: Sequence[TokenEffect],
    *,
    question_start: int,
    choices: int | None = None,
) -> AnswerOrigin:
    """Origin of an answer, from the effects of leaving out sentences and tokens.

    If exactly one sentence has a token that changes the answer by itself, the answer comes from it, even where leaving
    out another sentence whole has a larger effect: many steps fewer change what all later gates do.
    question_start: index of the question's first token.
    """
    if is_guess(answer, choices):
        return AnswerOrigin(kind="guess")

    def decides(effect: SpanEffect | TokenEffect) -> bool:
        return effect.without.text != answer.text and effect.probability_drop >= NEGLIGIBLE_DROP

    by_token = {
        span: next(
            (token for token in tokens if span.start <= token.step < span.end and decides(token)), None
        )
        for span in sentences
    }
    proofs = {span: span if decides(span) else by_token[span] for span in sentences}
    deciding = {span: proof for span, proof in proofs.items() if proof is not None}
    in_text = sorted(
        (span for span in deciding if span.start < question_start),
        key=lambda span: -deciding[span].probability_drop,
    )
    with_token = [span for span in in_text if by_token[span] is not None]
    if not deciding:
        drops = [effect.probability_drop for effects in (sentences, tokens) for effect in effects]
        return AnswerOrigin(kind="nothing" if max(drops, default=0.0) < NEGLIGIBLE_DROP else "spread")
    sentence = with_token[0] if len(with_token) == 1 else (in_text or list(deciding))[0]
    kind: Kind = "sentence" if in_text else "question"
    if len(in_text) >= SEVERAL and len(with_token) != 1:
        kind = "spread"
    return AnswerOrigin(
        kind=kind,
        sentence=sentence,
        proof=by_token[sentence] or deciding[sentence],
        others=max(0, len(in_text) - 1),
    )
