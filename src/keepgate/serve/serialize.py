"""Serialisation: a reading and what the lens finds in it, as plain values for JSON."""

import math
from collections.abc import Iterable, Sequence

from torch import Tensor

from ..errors import CellError
from ..lens.memory import memory_updates, relative_state_change, retained_at, write_retention
from ..lens.readers import (
    AnswerOrigin,
    Reading,
    SpanEffect,
    TokenEffect,
    answer_origin,
    counterfactual_answer,
    hierarchical_search,
    is_guess,
)
from ..lens.readers.answer_origin import has_rival
from ..lens.readers.leave_one_out import MAX_ABLATIONS
from ..lens.thresholds import NEGLIGIBLE_DROP
from ..nn.trace import LayerTrace
from ..tasks.answer import Answer
from ..tasks.task import Task
from .limits import RequestError, bad_request
from .network import gates_of
from .vocabulary_coverage import unknown

# How many erasers of a write, and units of a token's write, are listed.
MAX_ERASERS, MAX_UNITS = 5, 8
# Words that are listed under an answer.
MAX_LISTED = 5
# Multiplications that the ablations of one answer may cost, about a second's; but so many ablations at the least.
ABLATION_BUDGET, MIN_ABLATIONS = 8_000_000_000, 16

JsonObject = dict[str, object]


def rounded(value: float) -> float | None:
    """A number to four significant digits; None for NaN and infinity."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def rounded_list(values: Tensor) -> list[float | None]:
    """A row of numbers, rounded."""
    return [rounded(value) for value in values.tolist()]


def answer_json(answer: Answer, choices: int | None) -> JsonObject:
    """An answer with its place and candidates."""
    return {
        **answer_summary(answer, choices),
        "start": answer.start,
        "end": answer.end,
        "sentence": answer.sentence,
        "candidates": candidates_json(answer),
    }


def candidates_json(answer: Answer) -> list[JsonObject]:
    """The most probable answers with their probabilities, best first."""
    return [{"text": text, "probability": rounded(share)} for text, share in answer.candidates]


def answer_summary(answer: Answer, choices: int | None) -> JsonObject:
    """An answer's text and probability, and as what it is a guess: no likelier than the next, or than by chance.

    choices: how many there are; None for a span. guess: "tied", "chance", or None for what is no guess.
    """
    guess = ("tied" if has_rival(answer) else "chance") if is_guess(answer, choices) else None
    return {"text": answer.text, "probability": rounded(answer.probability), "guess": guess}


def reading_json(task: Task, reading: Reading) -> JsonObject:
    """One model's answer, the tokens it read, its gates over them, and how long its memory lasts."""
    return {
        "answer": answer_json(reading.answer, choice_count(reading)),
        "tokens": list(reading.tokens.texts),
        "starts": list(reading.tokens.starts),
        "ends": list(reading.tokens.ends),
        "question_start": reading.question_start,
        "unknown": unknown(task, reading.tokens.texts),
        "strips": [_strip_json(layer) for layer in reading.trace.layers],
        "lasting": _lasting_json(reading.trace.layer(-1), reading.question_start),
    }


def token_json(reading: Reading, token: int, layer: int, reverse: bool, unit: int | None) -> JsonObject:
    """Retention of one token's write: its size, the share left after each later token, and the tokens that erased it.

    Raises RequestError for an unknown token, layer or unit, and for a network whose memory is no sum of writes.
    """
    traced_layer = _layer(reading, layer, reverse)
    _check_tokens(reading, [token])
    _check_unit(traced_layer, unit)
    try:
        retention, updates = write_retention(traced_layer, token, unit=unit), memory_updates(traced_layer)
    except CellError as fault:
        raise RequestError(422, "no_memory", str(fault)) from fault
    erasers = retention.forgotten.topk(min(MAX_ERASERS, len(retention.forgotten)))
    token_write = updates.write[token, 0]
    units = range(len(token_write)) if unit is None else [unit]
    largest = sorted(units, key=lambda k: -abs(float(token_write[k])))[:MAX_UNITS]
    return {
        "size": rounded(retention.size),
        "left": rounded_list(retention.retained),
        "erased": rounded_list(retention.forgotten),
        "at_end": rounded(retention.at_end),
        "erasers": [
            {"token": place, "share": rounded(share)}
            for share, place in zip(erasers.values.tolist(), erasers.indices.tolist(), strict=True)
            if share > 0
        ],
        "written": [{"unit": k, "value": rounded(float(token_write[k]))} for k in largest],
    }


def origin_json(reading: Reading) -> JsonObject:
    """Which sentences and tokens the answer rests on: the answer without each, which is taken out whole.

    Of a long text, or by a large network, fewer are taken out: those to which a search leads.
    """
    choices = choice_count(reading)
    sentences, tokens = hierarchical_search(reading, max_ablations=ablations_of(reading))
    origin = answer_origin(
        reading.answer, sentences, tokens, question_start=reading.question_start, choices=choices
    )
    return {
        "origin": _origin_json(origin, choices),
        "tokens": [_effect_json(effect, choices) for effect in tokens],
        "listed": sum(effect.probability_drop >= NEGLIGIBLE_DROP for effect in tokens[:MAX_LISTED]),
        "sentences": [
            {"from": effect.start, "to": effect.end, **_effect_json(effect, choices)} for effect in sentences
        ],
        "tried": len(tokens),
    }


def _origin_json(origin: AnswerOrigin, choices: int | None) -> JsonObject:
    """deciding: how many sentences of the text change the answer, each by itself."""
    return {
        "kind": origin.kind,
        "from": origin.sentence and origin.sentence.start,
        "to": origin.sentence and origin.sentence.end,
        "deciding": origin.others + 1 if origin.proof else 0,
        "proof": origin.proof and _effect_json(origin.proof, choices),
    }


def _effect_json(effect: TokenEffect | SpanEffect, choices: int | None) -> JsonObject:
    return {
        "token": effect.step if isinstance(effect, TokenEffect) else None,
        "share": rounded(effect.probability_drop),
        "without": answer_summary(effect.without, choices),
    }


def what_if_json(
    reading: Reading,
    remove: Sequence[int],
    drop: Sequence[int],
    keep: Sequence[int],
    before: Answer | None = None,
) -> JsonObject:
    """The counterfactual answer, with some tokens removed whole, some writes ablated and some erasures suppressed.

    before: the answer without changes, as the head gives it; None is the reading's own.
    Raises RequestError for a token that there is not, and for a write or an erasure of a network whose memory is no sum
    of writes.
    """
    _check_tokens(reading, [*remove, *drop, *keep])
    try:
        counterfactual = counterfactual_answer(reading, removed=set(remove), no_write=drop, no_erase=keep)
    except CellError as fault:
        raise RequestError(422, "no_memory", str(fault)) from fault
    choices = choice_count(reading)
    answer = {**answer_summary(counterfactual, choices), "candidates": candidates_json(counterfactual)}
    return {"answer": answer, "before": answer_summary(before or reading.answer, choices)}


def values_json(reading: Reading, layer: int, reverse: bool, unit: int | None) -> JsonObject:
    """Every gate and state after each token, and the states before it: the mean over the units, or one of them.

    Raises RequestError for a layer or unit that there is not.
    """
    traced_layer = _layer(reading, layer, reverse)
    _check_unit(traced_layer, unit)

    def over_time(values: Tensor) -> list[float | None]:
        return rounded_list(values[:, 0].mean(1) if unit is None else values[:, 0, unit])

    return {
        "values": {name: over_time(traced_layer[name]) for name in traced_layer.names},
        "before": {state: over_time(values) for state, values in traced_layer.previous().items()},
        "units": _units(traced_layer),
    }


def choice_count(reading: Reading) -> int | None:
    """How many answers its reader chooses from; None if it points into the text."""
    return None if reading.choices is None else len(reading.choices)


def _strip_json(layer: LayerTrace) -> JsonObject:
    return {
        "layer": layer.layer,
        "reverse": layer.reverse,
        "gates": {name: rounded_list(layer[name][:, 0].mean(1)) for name in gates_of(layer.cell)},
        "moves": {
            state: rounded_list(relative_state_change(layer, state)[:, 0]) for state in layer.cell.states
        },
        "telling": _telling_unit(layer),
        "forgetting": _forgetting_unit(layer),
    }


def _telling_unit(layer: LayerTrace) -> int:
    """The unit whose memory moves most at one step: the one to look at first."""
    name = layer.cell.memory_state
    moved = (layer[name] - layer.state_before(name))[:, 0].abs()
    return int(moved.amax(0).argmax())


def _forgetting_unit(layer: LayerTrace) -> int | None:
    """The unit whose kept share falls most from a step to the next; None where there is no such share."""
    try:
        keep = memory_updates(layer).keep[:, 0]
    except CellError:
        return None
    falls = (keep[1:] - keep[:-1] if layer.reverse else keep[:-1] - keep[1:]).T
    return int(falls.amax(1).argmax()) if len(keep) > 1 else None


def _lasting_json(layer: LayerTrace, story: int) -> JsonObject | None:
    """What is left of a token's write, and the tokens until half of it is gone; None without such a memory.

    Of the first token; above other layers, which write a fact when it has been understood, of that token of the `story`
    of whose write most is left.
    """
    try:
        updates = memory_updates(layer)
    except CellError:
        return None
    held = (updates.write.abs() * retained_at(updates))[:story, 0].sum(1)
    token = int(held.argmax()) if layer.layer else 0
    retention = write_retention(layer, token)
    halved = (retention.retained[token:] <= 0.5).nonzero()
    half = int(halved[0]) if len(halved) else None
    return {"token": token, "left": rounded(retention.at_end), "half": half}


def _layer(reading: Reading, layer: int, reverse: bool) -> LayerTrace:
    try:
        return reading.trace.layer(layer, reverse=reverse)
    except IndexError as fault:
        way = "reverse" if reverse else "forward"
        raise bad_request(
            f"this model has no {way} layer {layer}; it has {reading.trace.layers[-1].layer + 1} layers",
            layer=layer,
        ) from fault


def ablations_of(reading: Reading) -> int:
    """How many ablations of a reading a request may cost."""
    tokens, weights = (
        len(reading.tokens),
        sum(weight.numel() for weight in reading.layer_run.layer.parameters()),
    )
    return min(MAX_ABLATIONS, max(MIN_ABLATIONS, ABLATION_BUDGET // (weights * tokens)))


def _units(traced_layer: LayerTrace) -> int:
    return int(traced_layer[traced_layer.cell.memory_state].shape[2])


def _check_unit(traced_layer: LayerTrace, unit: int | None) -> None:
    if unit is not None and unit >= _units(traced_layer):
        raise bad_request(f"unit is {unit}; this layer has units 0 to {_units(traced_layer) - 1}", unit=unit)


def _check_tokens(reading: Reading, tokens: Iterable[int]) -> None:
    for token in tokens:
        if token >= len(reading.tokens):
            raise bad_request(
                f"token is {token}; those that were read are numbered 0 to {len(reading.tokens) - 1}",
                token=token,
            )
