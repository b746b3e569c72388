"""The origin of an answer, as far as leave-one-out ablation can show it: one finding, in words elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...tasks.answer import Answer
from ..thresholds import NEGLIGIBLE_DROP, RUNNER_UP, SEVERAL, TIMES_CHANCE
from .leave_one_out import TokenEffect
from .search import SpanEffect

Kind = Literal["guess", "sentence", "question", "spread", "nothing"]


@dataclass(frozen=True, kw_only=True)
class AnswerOrigin:
    """Where an answer came from.

    kind:     "guess": see `is_guess`. "sentence": leaving `sentence` out, or one token in it, changes the answer.
              "question": only leaving out parts of the question does. "spread": several sentences do, or none although
              some lower the answer's probability. "nothing": none lowers it by `NEGLIGIBLE_DROP`.
    sentence: the one whose ablation matters most. proof: what changes the answer, one token of it or all of it. Both
              None where nothing changes the answer, and for a guess.
    others:   how many further sentences of the text change the answer as well.
    """

    kind: Kind
    sentence: SpanEffect | None = None
    proof: SpanEffect | TokenEffect | None = None
    others: int = 0


def has_rival(answer: Answer) -> bool:
    """Whether the next candidate is nearly as likely as the answer: above `RUNNER_UP` of its probability."""
    return len(answer.candidates) > 1 and answer.candidates[1][1] > RUNNER_UP * answer.probability


def is_guess(answer: Answer, choices: int | None = None) -> bool:
    """Whether an answer is hardly likelier than the next candidate, or than blind chance among so many choices.

    choices: how many answers or labels there are to choose among; None where the reader points at a piece of the text.
    Chance is exceeded in odds, p / (1 - p), which have room above it for two choices as for a hundred.
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
    """The origin of an answer, from the effects of leaving out sentences and tokens.

    Where exactly one sentence holds tokens that change the answer each by itself, it is that one: an ablated sentence
    writes nothing but still erases, so that it may matter only for what it no longer replaces.
    question_start: the number of the first token that is the question's.
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
        drops = [effect.probability_drop for effect in (*sentences, *tokens)]
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
