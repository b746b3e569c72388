"""A reading → plain values for JSON."""

import math
from collections.abc import Iterable, Sequence

from torch import Tensor

from ..data.questions import Question
from ..data.text import words
from ..errors import CellError
from ..lens.memory import fate, half_lives, writes_of
from ..lens.readers import Reading, answer_if, search, sensitivity
from ..lens.readers.choice_head import ChoiceHead
from ..lens.readers.leave_one_out import TRIED
from ..lens.readers.view import movement
from ..nn.trace import LayerTrace
from ..tasks.answer import Answer
from ..tasks.task import Task
from .known import unknown
from .limits import Refusal, bad_request
from .models import gates_of

# How many erasers of a write, and units of a token's write, are told.
ERASERS, WRITTEN = 5, 8
# Products of a weight and a number that proving one answer may cost, about a second's; but so many tokens at the least.
TRYING, FEWEST_TRIED = 8_000_000_000, 16

# Of a guess: below so many times blind chance, or with a next candidate of more than this share of its probability.
TWICE, TIED = 2, 0.9

Plain = dict[str, object]


def rounded(value: float) -> float | None:
    """A number to four significant digits; None for what JSON cannot say."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def plain(values: Tensor) -> list[float | None]:
    """A row of numbers, rounded."""
    return [rounded(value) for value in values.tolist()]


def answer_of(answer: Answer, choices: int | None) -> Plain:
    """An answer with its place and candidates."""
    return {
        **short(answer, choices),
        "start": answer.start,
        "end": answer.end,
        "sentence": answer.sentence,
        "candidates": [{"text": text, "probability": rounded(share)} for text, share in answer.candidates],
    }


def short(answer: Answer, choices: int | None) -> Plain:
    """An answer's text and probability, and whether it is but a guess; of so many choices, None if not of a list."""
    return {
        "text": answer.text,
        "probability": rounded(answer.probability),
        "guess": is_guess(answer, choices),
    }


def is_guess(answer: Answer, choices: int | None) -> bool:
    """Whether an answer is no more than a guess, right or not.

    It is less than twice as likely as blind chance among the choices would make it, or the next candidate is so nearly
    as likely that the two are within a tenth of each other.
    """
    if choices and choices > 1 and answer.probability < TWICE / choices:
        return True
    return len(answer.candidates) > 1 and answer.candidates[1][1] > TIED * answer.probability


def reading_of(task: Task, reading: Reading) -> Plain:
    """One model's answer, the tokens it read, its gates over them, and how long its memory lasts."""
    last = reading.trace.layer(-1)
    return {
        "answer": answer_of(reading.answer, choices_of(reading)),
        "tokens": list(reading.tokens.texts),
        "starts": list(reading.tokens.starts),
        "ends": list(reading.tokens.ends),
        "asked_from": reading.asked_from,
        "unknown": unknown(task, reading.tokens.texts),
        "strips": [_strip(layer) for layer in reading.trace.layers],
        **_lasting(last),
    }


def token_of(reading: Reading, token: int, layer: int, reverse: bool, unit: int | None) -> Plain:
    """What one token wrote, how much of it is left after each later token, and who erased it.

    Raises Refusal for a token, layer or unit that there is not, and for a network whose memory is no sum of writes.
    """
    part = _layer(reading, layer, reverse)
    _check_tokens(reading, [token])
    _check_unit(part, unit)
    try:
        found, writes = fate(part, token, unit=unit), writes_of(part)
    except CellError as fault:
        raise Refusal(422, "no_memory", str(fault)) from fault
    most = found.erased.topk(min(ERASERS, len(found.erased)))
    wrote = writes.write[token, 0]
    units = range(len(wrote)) if unit is None else [unit]
    largest = sorted(units, key=lambda each: -abs(float(wrote[each])))[:WRITTEN]
    return {
        "size": rounded(found.size),
        "left": plain(found.left),
        "erased": plain(found.erased),
        "at_end": rounded(found.at_end),
        "erasers": [
            {"token": place, "share": rounded(share)}
            for share, place in zip(most.values.tolist(), most.indices.tolist(), strict=True)
            if share > 0
        ],
        "written": [{"unit": each, "value": rounded(float(wrote[each]))} for each in largest],
    }


def support_of(reading: Reading) -> Plain:
    """Which sentences and tokens carry the answer, proven one by one; without writes to leave out, its sensitivity.

    Of a long text, or by a large network, fewer are tried: those to which a search leads.
    """
    choices = choices_of(reading)
    try:
        whole, found = search(reading, each=_worth_trying(reading))
    except CellError:
        felt = plain(sensitivity(reading))
        return {"carriers": [], "sentences": [], "tried": 0, "sensitivity": felt, "exact": "sensitivity"}
    return {
        "carriers": [
            {"token": one.step, "share": rounded(one.share), "without": short(one.without, choices)}
            for one in found
        ],
        "sentences": [
            {
                "from": one.start,
                "to": one.end,
                "share": rounded(one.share),
                "without": short(one.without, choices),
            }
            for one in whole
        ],
        "tried": len(found),
        "sensitivity": None,
        "exact": "dropped",
    }


def what_if_of(reading: Reading, drop: Sequence[int], keep: Sequence[int]) -> Plain:
    """The answer, had some writes been left out and some erasures been forbidden.

    Raises Refusal for a token that there is not, and for a network whose memory is no sum of writes.
    """
    _check_tokens(reading, [*drop, *keep])
    try:
        changed = answer_if(reading, drop=drop, keep=keep)
    except CellError as fault:
        raise Refusal(422, "no_memory", str(fault)) from fault
    choices = choices_of(reading)
    return {
        "answer": {
            **short(changed, choices),
            "candidates": [
                {"text": text, "probability": rounded(share)} for text, share in changed.candidates
            ],
        },
        "before": short(reading.answer, choices),
    }


def values_of(reading: Reading, layer: int, reverse: bool, unit: int | None) -> Plain:
    """Every gate and state after each token, and the states before it: the mean over the units, or one of them.

    Raises Refusal for a layer or unit that there is not.
    """
    part = _layer(reading, layer, reverse)
    _check_unit(part, unit)

    def over_time(values: Tensor) -> list[float | None]:
        return plain(values[:, 0].mean(1) if unit is None else values[:, 0, unit])

    return {
        "values": {name: over_time(part[name]) for name in part.names},
        "before": {state: over_time(values) for state, values in part.previous().items()},
        "units": _units(part),
    }


def choices_of(reading: Reading) -> int | None:
    """How many answers its reader chooses from; None if it points into the text."""
    return len(reading.head.task.choices) if isinstance(reading.head, ChoiceHead) else None


def _strip(layer: LayerTrace) -> Plain:
    return {
        "layer": layer.layer,
        "reverse": layer.reverse,
        "gates": {name: plain(layer[name][:, 0].mean(1)) for name in gates_of(layer.cell)},
        "moves": {state: plain(movement(layer, state)[:, 0]) for state in layer.cell.states},
    }


def _lasting(layer: LayerTrace) -> Plain:
    """Half-lives in tokens, and what is left of the first write; None in a network without such a memory."""
    try:
        lives = half_lives(layer)[0]
        left = fate(layer, 0).at_end
    except CellError:
        return {"half_life": None, "longest": None, "left_of_first": None}
    return {
        "half_life": rounded(float(lives.median())),
        "longest": rounded(float(lives.max())),
        "left_of_first": rounded(left),
    }


def _layer(reading: Reading, layer: int, reverse: bool) -> LayerTrace:
    try:
        return reading.trace.layer(layer, reverse=reverse)
    except IndexError as fault:
        way = "reverse" if reverse else "forward"
        raise bad_request(
            f"this model has no {way} layer {layer}; it has {reading.trace.layers[-1].layer + 1} layers",
            {"layer": layer},
        ) from fault


def _worth_trying(reading: Reading) -> int:
    tokens, weights = len(reading.tokens), sum(each.numel() for each in reading.seen.layer.parameters())
    return min(TRIED, max(FEWEST_TRIED, TRYING // (weights * tokens)))


def _units(part: LayerTrace) -> int:
    return int(part[part.cell.memory_state].shape[2])


def _check_unit(part: LayerTrace, unit: int | None) -> None:
    if unit is not None and unit >= _units(part):
        raise bad_request(f"unit is {unit}; this layer has units 0 to {_units(part) - 1}", {"unit": unit})


def _check_tokens(reading: Reading, tokens: Iterable[int]) -> None:
    for token in tokens:
        if token >= len(reading.tokens):
            raise bad_request(
                f"token is {token}; those that were read are numbered 0 to {len(reading.tokens) - 1}",
                {"token": token},
            )


def checked(text: str, question: str, most: int) -> Question:
    """A question that may be read. Raises Refusal if it has too many tokens, or none."""
    counts = {"text": len(words(text)), "question": len(words(question))}
    for name, count in counts.items():
        if not count:
            raise Refusal(422, "empty", f"the {name} is empty; give one with something in it", {"what": name})
    tokens = sum(counts.values())
    if tokens > most:
        raise Refusal(
            422,
            "too_long",
            f"text and question have {tokens:,} tokens, and at most {most:,} are read here; give a shorter text",
            {"tokens": tokens, "limit": most},
        )
    return Question(text=text, question=question)
