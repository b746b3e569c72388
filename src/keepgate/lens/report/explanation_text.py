"""What a look says in words: the sentence that sums it up, and those under its pictures. Every number is the look's."""

from ...wording import Message, Part, count, msg, percent, probability
from ..memory.retention import WriteRetention
from ..readers.answer_origin import has_rival, is_guess
from ..readers.explanation import DirectionSummary, Explanation
from ..readers.leave_one_out import MAX_ABLATIONS, TokenEffect
from ..readers.search import FOLLOWED, STRETCHES, SpanEffect
from ..thresholds import NEGLIGIBLE_DROP, VANISHED
from .labels import piece, quoted, sentence_of, short_name, token

# So many erasers are named.
NAMED = 5


def summed_up(explanation: Explanation) -> list[Message]:
    """On what the answer hangs, with its proof, and how much of that is left."""
    if not explanation.gated:
        return _ungated(explanation)
    said = _guessed(explanation) or _carried(explanation)
    if explanation.attention is not None:
        best = int(explanation.attention.argmax())
        weight = percent(float(explanation.attention[best]))
        said.append(msg("sum.attention", share=weight, token=token(explanation, best)))
    elif explanation.question.question and explanation.token_effects[0].probability_drop >= NEGLIGIBLE_DROP:
        said += _left(explanation)
    if len(explanation.tokens) > MAX_ABLATIONS:
        said.append(msg("sum.tried", stretches=count(STRETCHES), followed=count(FOLLOWED)))
    return said


def _key(explanation: Explanation, name: str) -> str:
    """Of a question's answer the writes are left out, of a text's label the tokens themselves."""
    return f"sum.{name}" if explanation.question.question else f"label.{name}"


def _guessed(explanation: Explanation) -> list[Message]:
    """What to say of an answer that is hardly likelier than the next: that one write or another tips it is no news."""
    answer, choices = explanation.answer, explanation.choices
    if not is_guess(answer, choices):
        return []
    if choices is not None and not has_rival(answer):
        share, chance = probability(answer.probability), percent(1 / choices)
        return [
            msg("sum.chance", answer=quoted_plain(answer.text), share=share, n=count(choices), chance=chance)
        ]
    other, likely = answer.candidates[1]
    return [
        msg(
            "sum.guess", answer=quoted_plain(answer.text), share=probability(answer.probability),
            other=quoted_plain(other), next=percent(likely),
        )
    ]  # fmt: skip


def _carried(explanation: Explanation) -> list[Message]:
    """The ablation that changes the answer, and what all of its sentence does; else the token that lowers it most."""
    answer, origin = quoted_plain(explanation.answer.text), explanation.origin
    if isinstance(origin.proof, TokenEffect) and origin.sentence is not None:
        token_alone, whole = origin.proof, origin.sentence
        return [
            msg(
                _key(explanation, "decides"),
                answer=answer,
                **_instead(token_alone),
                **_place(explanation, token_alone.step),
            ),
            _without_sentence(explanation, whole),
            *_also(explanation, whole),
        ]
    said = []
    if origin.sentence is not None and origin.proof is not None:
        said.append(_sentence_alone(explanation, origin.sentence))
    top = explanation.token_effects[0]
    if top.probability_drop >= NEGLIGIBLE_DROP:
        said.append(
            msg(
                _key(explanation, "weak"),
                answer=answer,
                **_place(explanation, top.step),
                **_fall(explanation),
            )
        )
    return said or [msg(_key(explanation, "none"), answer=answer, after=_fall(explanation)["after"])]


def _place(explanation: Explanation, step: int) -> dict[str, Part]:
    return {
        "token": token(explanation, step),
        "sentence": piece(explanation, *sentence_of(explanation, step)),
    }


def _instead(effect: TokenEffect | SpanEffect) -> dict[str, Part]:
    return {"other": quoted_plain(effect.without.text), "share": probability(effect.without.probability)}


def _sentence_alone(explanation: Explanation, span: SpanEffect, name: str = "sentence") -> Message:
    said = {"sentence": piece(explanation, span.start, span.end), **_instead(span)}
    if name == "sentence":
        said["answer"] = quoted_plain(explanation.answer.text)
    return msg(_key(explanation, name), **said)


def _without_sentence(explanation: Explanation, whole: SpanEffect) -> Message:
    if not explanation.question.question and whole.end - whole.start == len(explanation.tokens):
        return msg("label.empty", **_instead(whole))
    if whole.without.text == explanation.answer.text:
        return _sentence_alone(explanation, whole, "anyway")
    return msg(_key(explanation, "whole"), **_instead(whole))


def _also(explanation: Explanation, whole: SpanEffect) -> list[Message]:
    """Another sentence that changes the answer, where the one with the deciding token does not."""
    best, answer = explanation.sentence_effects[0], explanation.answer.text
    changes = whole.without.text == answer and best.without.text != answer
    return [_sentence_alone(explanation, best, "also")] if changes else []


def _fall(explanation: Explanation) -> dict[str, Part]:
    given = explanation.answer.probability
    return {
        "before": percent(given),
        "after": percent(min(1.0, given * (1 - explanation.token_effects[0].probability_drop))),
    }


def _left(explanation: Explanation) -> list[Message]:
    step = explanation.token_effects[0].step
    found = []
    for one in explanation.direction_summaries:
        later = step if one.reverse else len(explanation.tokens) - 1 - step
        if one.retention is not None and later and not one.reverse:
            found.append(
                msg(
                    "sum.left",
                    token=token(explanation, step),
                    share=percent(max(0.0, one.retention.at_end)),
                    n=count(later),
                )
            )
    return found


def _ungated(explanation: Explanation) -> list[Message]:
    best = int(explanation.saliency.argmax())
    back = count(len(explanation.tokens) - 1 - best)
    key = "sum.ungated" if best < len(explanation.tokens) - 1 else "sum.ungated_last"
    said = [
        *_guessed(explanation),
        msg(key, cell=short_name(explanation), token=token(explanation, best), n=back),
    ]
    relative = explanation.saliency / explanation.saliency.max().clamp(min=1e-300)
    counts = (relative >= VANISHED).nonzero()
    first = int(counts[0]) if len(counts) else 0
    if first:
        return [*said, msg("sum.reach", n=count(len(explanation.tokens) - 1 - first))]
    return [*said, msg("sum.everywhere", share=percent(float(relative[0])))]


def followed(explanation: Explanation) -> list[tuple[DirectionSummary, WriteRetention]]:
    """The directions in which anything was read after the write that matters most, with what became of it there."""
    last = len(explanation.tokens) - 1
    return [
        (one, one.retention)
        for one in explanation.direction_summaries
        if one.retention is not None and one.retention.step != (0 if one.reverse else last)
    ]


def retention(explanation: Explanation) -> list[Message]:
    """What became of the write that matters most."""
    said: list[Message] = []
    for one, known in followed(explanation):
        told: dict[str, Part] = {
            "share": percent(max(0.0, known.at_end)),
            "token": token(explanation, known.step),
        }
        said.append(msg("erased.said_back" if one.reverse else "erased.said", **told))
    if not said:
        return [msg("erased.last", token=token(explanation, explanation.token_effects[0].step))]
    most = [
        msg("erased.eraser", token=token(explanation, step), share=percent(gone))
        for step, gone in erasers(explanation)
    ]
    return [*said, msg("erased.most", erasers=most) if most else msg("erased.nothing")]


def erasers(explanation: Explanation) -> list[tuple[int, float]]:
    """The tokens that erased most of the write that matters, and how much; read forwards where both ways tell."""
    known = followed(explanation)
    if not known:
        return []
    gone = known[0][1].forgotten
    top = gone.topk(min(NAMED, len(gone)))
    return [
        (step, value)
        for step, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        if value > 0
    ]


def half_life(explanation: Explanation) -> list[Message]:
    """How long the units keep, beside the length of the text."""
    tokens = len(explanation.tokens)
    halves = sorted(value for one in explanation.direction_summaries for value in one.half_lives.tolist())
    return [half_lives_said("half_life.said", halves, tokens)]


def half_lives_said(key: str, halves: list[float], needed: int) -> Message:
    """The middling and the longest half-life, and how many units keep for as long as is needed."""
    return msg(
        key, middle=lasting(halves[len(halves) // 2]), longest=lasting(halves[-1]), n=count(needed),
        above=count(sum(value > needed for value in halves)), units=count(len(halves)),
    )  # fmt: skip


def lasting(value: float) -> Part:
    """A half-life in words: one decimal while that tells something."""
    if value == float("inf"):
        return msg("half_life.forever")
    return f"{value:.1f}" if value < 10 else count(value)


def gradient(explanation: Explanation) -> list[Message]:
    """Where the answer is sensitive."""
    best = int(explanation.saliency.argmax())
    relative = float(explanation.saliency[0] / explanation.saliency.max().clamp(min=1e-300))
    return [msg("gradient.said", token=token(explanation, best), share=percent(relative))]


def quoted_plain(text: str) -> Part:
    """An answer as it stands between quotes of the sentence."""
    return quoted(text).args["text"]
