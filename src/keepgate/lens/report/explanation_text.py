"""What a look says in words: the sentence that sums it up, and those under its pictures. Every number is the look's."""

from ...wording import Message, Part, count, msg, percent, probability
from ..gradients.by_lag import GONE
from ..memory.retention import Fate
from ..readers.explanation import Explanation as Look
from ..readers.explanation import Pass
from ..readers.leave_one_out import TRIED
from ..readers.search import FOLLOWED, STRETCHES
from .labels import piece, quoted, sentence_of, short_name, token

# A write without which the answer keeps all but so much of its probability carries nothing to speak of.
CARRIES = 0.01
# So many erasers are named.
NAMED = 5
# An answer of which the next is at least so many times as likely is no more than a guess.
GUESS = 0.7


def summed_up(look: Look) -> list[Message]:
    """On what the answer hangs, with its proof, and how much of that is left."""
    if not look.gated:
        return _ungated(look)
    said = _guessed(look) or _carried(look)
    if look.attention is not None:
        best = int(look.attention.argmax())
        weight = percent(float(look.attention[best]))
        said.append(msg("sum.attention", share=weight, token=token(look, best)))
    elif look.carriers[0].share >= CARRIES:
        said += _left(look)
    if len(look.tokens) > TRIED:
        said.append(msg("sum.tried", stretches=count(STRETCHES), followed=count(FOLLOWED)))
    return said


def _guessed(look: Look) -> list[Message]:
    """What to say of an answer that is hardly likelier than the next: that one write or another tips it is no news."""
    if len(look.answer.candidates) < 2 or look.answer.candidates[1][1] < GUESS * look.answer.probability:
        return []
    other, likely = look.answer.candidates[1]
    return [
        msg(
            "sum.guess", answer=quoted_plain(look.answer.text), share=probability(look.answer.probability),
            other=quoted_plain(other), next=percent(likely),
        )
    ]  # fmt: skip


def _carried(look: Look) -> list[Message]:
    one, answer = look.carriers[0], quoted_plain(look.answer.text)
    where: dict[str, Part] = {
        "token": token(look, one.step),
        "sentence": piece(look, *sentence_of(look, one.step)),
    }
    # Of the sentences left out whole, the one that tells most.
    best = look.sentences[0]
    turns = best.without.text != look.answer.text
    other: dict[str, Part] = {
        "other": quoted_plain(best.without.text),
        "share": probability(best.without.probability),
    }
    if one.without.text != look.answer.text:
        said = [
            msg(
                "sum.decides", answer=answer, other=quoted_plain(one.without.text),
                share=probability(one.without.probability), **where,
            )
        ]  # fmt: skip
        around = sentence_of(look, one.step)
        whole = next((each for each in look.sentences if (each.start, each.end) == around), None)
        if whole is not None:
            told: dict[str, Part] = {
                "other": quoted_plain(whole.without.text), "share": probability(whole.without.probability),
            }  # fmt: skip
            same = whole.without.text == look.answer.text
            said.append(
                msg("sum.anyway", sentence=where["sentence"], **told) if same else msg("sum.whole", **told)
            )
            if same and turns:
                said.append(msg("sum.also", sentence=piece(look, best.start, best.end), **other))
    elif turns:
        said = [msg("sum.sentence", answer=answer, sentence=piece(look, best.start, best.end), **other)]
        if one.share >= CARRIES:
            said.append(msg("sum.weak", answer=answer, **where, **_fall(look)))
    elif one.share >= CARRIES:
        said = [msg("sum.weak", answer=answer, **where, **_fall(look))]
    else:
        said = [msg("sum.none", answer=answer, after=_fall(look)["after"])]
    return said


def _fall(look: Look) -> dict[str, Part]:
    given = look.answer.probability
    return {"before": percent(given), "after": percent(min(1.0, given * (1 - look.carriers[0].share)))}


def _left(look: Look) -> list[Message]:
    step = look.carriers[0].step
    found = []
    for one in look.passes:
        later = step if one.reverse else len(look.tokens) - 1 - step
        if one.fate is not None and later and not one.reverse:
            found.append(
                msg(
                    "sum.left",
                    token=token(look, step),
                    share=percent(max(0.0, one.fate.at_end)),
                    n=count(later),
                )
            )
    return found


def _ungated(look: Look) -> list[Message]:
    best = int(look.sensitivity.argmax())
    back = count(len(look.tokens) - 1 - best)
    key = "sum.ungated" if best < len(look.tokens) - 1 else "sum.ungated_last"
    said = [*_guessed(look), msg(key, cell=short_name(look), token=token(look, best), n=back)]
    relative = look.sensitivity / look.sensitivity.max().clamp(min=1e-300)
    counts = (relative >= GONE).nonzero()
    first = int(counts[0]) if len(counts) else 0
    if first:
        return [*said, msg("sum.reach", n=count(len(look.tokens) - 1 - first))]
    return [*said, msg("sum.everywhere", share=percent(float(relative[0])))]


def followed(look: Look) -> list[tuple[Pass, Fate]]:
    """The directions in which anything was read after the write that matters most, with what became of it there."""
    last = len(look.tokens) - 1
    return [
        (one, one.fate)
        for one in look.passes
        if one.fate is not None and one.fate.step != (0 if one.reverse else last)
    ]


def erased(look: Look) -> list[Message]:
    """What became of the write that matters most."""
    said: list[Message] = []
    for one, known in followed(look):
        told: dict[str, Part] = {"share": percent(max(0.0, known.at_end)), "token": token(look, known.step)}
        said.append(msg("erased.said_back" if one.reverse else "erased.said", **told))
    if not said:
        return [msg("erased.last", token=token(look, look.carriers[0].step))]
    most = [
        msg("erased.eraser", token=token(look, step), share=percent(gone)) for step, gone in erasers(look)
    ]
    return [*said, msg("erased.most", erasers=most) if most else msg("erased.nothing")]


def erasers(look: Look) -> list[tuple[int, float]]:
    """The tokens that erased most of the write that matters, and how much; read forwards where both ways tell."""
    known = followed(look)
    if not known:
        return []
    gone = known[0][1].erased
    top = gone.topk(min(NAMED, len(gone)))
    return [
        (step, value)
        for step, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        if value > 0
    ]


def half_life(look: Look) -> list[Message]:
    """How long the units keep, beside the length of the text."""
    tokens = len(look.tokens)
    halves = sorted(value for one in look.passes for value in one.half_lives.tolist())
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


def gradient(look: Look) -> list[Message]:
    """Where the answer is sensitive."""
    best = int(look.sensitivity.argmax())
    relative = float(look.sensitivity[0] / look.sensitivity.max().clamp(min=1e-300))
    return [msg("gradient.said", token=token(look, best), share=percent(relative))]


def quoted_plain(text: str) -> Part:
    """An answer as it stands between quotes of the sentence."""
    return quoted(text).args["text"]
