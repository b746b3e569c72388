"""Text of an explanation: what its answer rests on, with the proof, and the sentences under its pictures."""

import math

from ...wording import Message, Part, count, msg, percent, probability
from ..attribution.explanation import ModelExplanation
from ..memory.retention import WriteRetention
from ..readers.answer_origin import has_rival, is_guess
from ..readers.explanation import DirectionSummary, Explanation
from ..readers.leave_one_out import MAX_ABLATIONS, TokenEffect
from ..readers.span_search import (
    MAX_SENTENCE_TOKENS,
    MOST_INFLUENTIAL,
    NUM_STRETCHES,
    STRETCHES_FOLLOWED,
    SpanEffect,
)
from ..thresholds import NEGLIGIBLE_DROP
from .labels import cut, piece, sentence_of, signed, token, worded

NAMED = 5  # tokens at most that are named for what they erased, or steps without which the label is another
NUMBERS = 3  # and for how much a number changes without them


def conclusion(explanation: Explanation) -> list[Message]:
    """What the answer rests on, with its proof, and how much of that write is retained."""
    by_token = _ablation if explanation.unit == "token" else _step
    if isinstance(explanation, ModelExplanation):
        if explanation.unmoved:
            return [msg("number.unmoved", answer=cut(explanation.answer.text))]
        main = _number(explanation) if explanation.is_number else _guess(explanation) or by_token(explanation)
        return [*main, *_of_model(explanation)]
    messages = _guess(explanation) or by_token(explanation)
    if explanation.attention is not None:
        most = int(explanation.attention.argmax())
        weight = percent(float(explanation.attention[most]))
        messages.append(msg("answer.attention", share=weight, token=token(explanation, most)))
    elif explanation.question.question and explanation.token_effects[0].probability_drop >= NEGLIGIBLE_DROP:
        messages += _retained(explanation)
    if len(explanation.tokens) > MAX_ABLATIONS:
        messages.append(
            worded(
                explanation, "answer.search", stretches=NUM_STRETCHES, followed=STRETCHES_FOLLOWED,
                most=MAX_SENTENCE_TOKENS, influential=MOST_INFLUENTIAL,
            )
        )  # fmt: skip
    return messages


def _number(explanation: ModelExplanation) -> list[Message]:
    """The tokens without which the number changes most, and by how much."""
    top, *next_effects = [
        msg("number.effect", token=token(explanation, effect.step), change=signed(effect.change or 0.0))
        for number, effect in enumerate(explanation.token_effects[:NUMBERS])
        if not number or explanation.weight(effect) >= NEGLIGIBLE_DROP
    ]
    without = cut(explanation.token_effects[0].without.text)
    first = msg("number.most", answer=cut(explanation.answer.text), effect=top, other=without)
    return [first, msg("number.next", effects=next_effects)] if next_effects else [first]


def _step(explanation: Explanation) -> list[Message]:
    """The steps without which the label becomes another, or the one without which it is least likely."""
    top, before = explanation.token_effects[0], explanation.answer.probability
    changes = top.without.text != explanation.answer.text
    parts: dict[str, Part] = {
        "before": percent(before),
        "after": percent(min(1.0, before * (1 - top.probability_drop))),
    }
    name = token(explanation, top.step)
    key = "number.step" if changes else "number.step_weak"
    other, share = cut(top.without.text), probability(top.without.probability)
    first = msg(key, answer=cut(explanation.answer.text), token=name, other=other, share=share, **parts)
    also = [
        token(explanation, effect.step)
        for effect in explanation.token_effects[1:NAMED]
        if changes and effect.without.text == top.without.text
    ]
    return [first, msg("number.each" if also[1:] else "number.also", tokens=also)] if also else [first]


def _of_model(explanation: ModelExplanation) -> list[Message]:
    """How steps were left out, whether the shares sum to the answer, and how far back a window has to reach."""
    shares, how = explanation.shares, str(explanation.left_out)
    # Of a token all that a layer is given of it has one share.
    how = "zeros" if how == "values" and shares is not None and shares.features == ("input",) else how
    messages = [] if how == "step" else [msg(f"number.by_{how}")]
    if shares is not None and shares.score == shares.baseline:
        messages.append(msg("number.no_shares"))
    elif shares is not None:
        key = "exact" if shares.kind == "held" else "complete" if shares.complete else "incomplete"
        parts: dict[str, Part] = {
            "share": f"{shares.completeness:.4f}",
            "whole": signed(shares.score - shares.baseline),
        }
        messages.append(msg(f"number.{key}", **parts, points=count(shares.points)))
    if explanation.look_back is not None:
        steps, of = explanation.look_back.steps, explanation.look_back.contexts[-1]
        messages.append(msg("number.look_back", n=steps, all=of))
    return messages


def _message(
    explanation: Explanation, name: str, effect: TokenEffect | SpanEffect | None = None, /, **parts: Part
) -> Message:
    """An entry for a question, where writes are ablated, or for a label, where tokens are deleted.

    effect: the ablation whose answer the entry tells.
    """
    parts["answer"] = cut(explanation.answer.text)
    if effect is not None:
        parts["other"] = cut(effect.without.text)
        parts["share"] = probability(effect.without.probability)
    if isinstance(effect, SpanEffect):
        parts["sentence"] = piece(explanation, effect.start, effect.end)
    return msg(f"{'answer' if explanation.question.question else 'label'}.{name}", **parts)


def _guess(explanation: Explanation) -> list[Message]:
    """An answer hardly likelier than the next: that an ablation changes it is no news. Empty for any other."""
    answer, choices = explanation.answer, explanation.choices
    if not is_guess(answer, choices):
        return []
    parts: dict[str, Part] = {"answer": cut(answer.text), "share": probability(answer.probability)}
    if choices is not None and not has_rival(answer):
        return [msg("answer.chance", **parts, n=choices, chance=percent(1 / choices))]
    rival, likely = answer.candidates[1]
    return [msg("answer.rival", **parts, other=cut(rival), next=percent(likely))]


def _ablation(explanation: Explanation) -> list[Message]:
    """The ablation that changes the answer, and that of its whole sentence; else the token that lowers it most."""
    origin, top = explanation.origin, explanation.token_effects[0]
    if isinstance(origin.proof, TokenEffect) and origin.sentence is not None:
        decisive = _message(explanation, "token", origin.proof, **_place(explanation, origin.proof.step))
        return [decisive, *_sentence_ablation(explanation, origin.sentence)]
    messages = []
    if origin.sentence is not None and origin.proof is not None:
        messages.append(_message(explanation, "sentence", origin.sentence))
    before = explanation.answer.probability
    after = percent(min(1.0, before * (1 - top.probability_drop)))
    if top.probability_drop >= NEGLIGIBLE_DROP:
        place = _place(explanation, top.step)
        messages.append(_message(explanation, "weak", before=percent(before), after=after, **place))
    return messages or [_message(explanation, "none", after=after)]


def _place(explanation: Explanation, step: int) -> dict[str, Part]:
    sentence = piece(explanation, *sentence_of(explanation, step))
    return {"token": token(explanation, step), "sentence": sentence}


def _sentence_ablation(explanation: Explanation, sentence: SpanEffect) -> list[Message]:
    """The answer without the decisive token's sentence, and another that changes it where this one does not."""
    answer, top = explanation.answer.text, explanation.sentence_effects[0]
    whole_text = not explanation.question.question and sentence.end - sentence.start == len(
        explanation.tokens
    )
    changes = sentence.without.text != answer
    if whole_text and isinstance(explanation, ModelExplanation):
        return []  # a model of the user's own is never given nothing to read
    messages = [
        _message(
            explanation, "empty" if whole_text else "whole_sentence" if changes else "unchanged", sentence
        )
    ]
    if not changes and top.without.text != answer:
        messages.append(_message(explanation, "other_sentence", top))
    return messages


def _retained(explanation: Explanation) -> list[Message]:
    step = explanation.token_effects[0].step
    later = len(explanation.tokens) - 1 - step
    return [
        msg(
            "answer.retained",
            token=token(explanation, step),
            share=_share_at_end(summary.retention),
            n=later,
        )
        for summary in explanation.direction_summaries
        if summary.retention is not None and later and not summary.reverse
    ]


def _share_at_end(retention: WriteRetention) -> str:
    return percent(max(0.0, retention.at_end))


def retentions(explanation: Explanation) -> list[tuple[DirectionSummary, WriteRetention]]:
    """The directions in which tokens were read after the write that matters most, with its retention there."""
    last = len(explanation.tokens) - 1
    return [
        (summary, summary.retention)
        for summary in explanation.direction_summaries
        if summary.retention is not None and summary.retention.step != (0 if summary.reverse else last)
    ]


def retention(explanation: Explanation) -> list[Message]:
    """The share of the write that matters most at the end of each direction, and what erased the most of it."""
    messages = [
        worded(
            explanation,
            "retention.description_reverse" if summary.reverse else "retention.description",
            share=_share_at_end(retention),
            token=token(explanation, retention.step),
        )
        for summary, retention in retentions(explanation)
    ]
    if not messages:
        return [msg("retention.last_token", token=token(explanation, explanation.token_effects[0].step))]
    erasers = [
        msg("retention.forgetting_token", token=token(explanation, step), share=percent(share))
        for step, share in forgetting_tokens(explanation)
    ]
    return [
        *messages,
        msg("retention.forgetting", erasers=erasers) if erasers else msg("retention.no_forgetting"),
    ]


def forgetting_tokens(explanation: Explanation) -> list[tuple[int, float]]:
    """The tokens that erased most of the write that matters, and how much; read forwards where both ways tell."""
    for _, retention in retentions(explanation):
        top = retention.forgotten.topk(min(NAMED, len(retention.forgotten)))
        steps_and_shares = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        return [(step, share) for step, share in steps_and_shares if share > 0]
    return []


def half_life(explanation: Explanation) -> list[Message]:
    """The middling and the longest half-life, and how many units keep for as long as the text is."""
    length, half_lives = len(explanation.tokens), sorted_half_lives(explanation)
    middle, longest = _tokens(half_lives[len(half_lives) // 2]), _tokens(half_lives[-1])
    above = sum(value > length for value in half_lives)
    return [
        worded(
            explanation, "half_life.description", middle=middle, longest=longest, above=above, units=len(half_lives)
        )
    ]  # fmt: skip


def sorted_half_lives(explanation: Explanation) -> list[float]:
    """Every unit's half-life in tokens, of all directions, the shortest first."""
    return sorted(
        value for summary in explanation.direction_summaries for value in summary.half_lives.tolist()
    )


def _tokens(half_life: float) -> Part:
    if math.isinf(half_life):
        return msg("half_life.infinite")
    return f"{half_life:.1f}" if half_life < 10 else count(half_life)


def saliency(explanation: Explanation) -> list[Message]:
    """The token after which the answer is most sensitive to the state."""
    most = token(explanation, int(explanation.saliency.argmax()))
    first_share = percent(float(explanation.relative_saliency[0]))
    return [worded(explanation, "gradient.description", token=most, share=first_share)]
