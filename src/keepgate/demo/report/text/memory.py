"""Who remembers, how far back, and what they answer: the verdict, accuracy against length, answers, several facts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ....wording import Message, Part, amount, count, known_percent, msg, percent, probability, scientific
from ...result import Comparison, Network, Reading
from .measures import (
    LAG,
    REMEMBERS,
    SURE,
    accuracies,
    gradient_at,
    guesses,
    known,
    mean_accuracy,
    name_of,
    names_of,
    quoted,
    shares,
    span,
    trained,
    within_chance,
)


def verdict(result: Comparison) -> list[Message]:
    """The paragraph at the top: who remembers over the longest stories, and who guesses."""
    length = max(result.lengths, default=0)
    known = [network for network in trained(result) if accuracies(network, length)]
    if not known:
        return [msg("verdict.nothing")]
    remember = [network for network in known if mean_accuracy(network, length) >= REMEMBERS]
    guess = [network for network in known if network not in remember and guesses(network, length, result)]
    rest = [network for network in known if network not in remember and network not in guess]
    facts: dict[str, Part] = {
        "length": count(length),
        "stories": count(result.stories),
        "bar": known_percent(REMEMBERS),
    }
    if len(remember) == len(known):
        said = [msg("verdict.all", **facts)]
    elif remember:
        said = [msg("verdict.some", **facts, networks=names_of(remember), share=shares(remember, length))]
    else:
        best = max(known, key=lambda network: mean_accuracy(network, length))
        said = [
            msg("verdict.none", **facts, network=name_of(best), share=percent(mean_accuracy(best, length)))
        ]
    if guess:
        said.append(msg("verdict.chance", chance=known_percent(result.chance), networks=names_of(guess)))
    if rest:
        said.append(msg("verdict.between", networks=names_of(rest), share=shares(rest, length)))
    return said


def why(result: Comparison) -> list[Message]:
    """Whether the gradient before training already told who would remember, and what the bias alone did."""
    length = max(result.lengths, default=0)
    known = [network for network in trained(result) if accuracies(network, length)]
    remember = [network for network in known if mean_accuracy(network, length) >= REMEMBERS]
    guess = [network for network in known if network not in remember and guesses(network, length, result)]
    return _told_apart(remember, guess) + _same_cell(known)


def _told_apart(remember: Sequence[Network], guess: Sequence[Network]) -> list[Message]:
    """Whether every network that remembers had more gradient before training than every one that guesses."""
    high = [value for network in remember if (value := gradient_at(network.before, LAG)) is not None]
    low = [value for network in guess if (value := gradient_at(network.before, LAG)) is not None]
    if not high or not low:
        return []
    if min(high) > max(low):
        return [msg("verdict.apart", lag=count(LAG), high=scientific(min(high)), low=scientific(max(low)))]
    return [msg("verdict.mixed", lag=count(LAG), high=scientific(min(high)), low=scientific(max(low)))]


def _same_cell(known: Sequence[Network]) -> list[Message]:
    """The pair of one cell under two biases, if one of them keeps at least ten times as much of the gradient."""
    lstms = [n for n in known if n.cell == "lstm" and gradient_at(n.before, LAG) is not None]
    ranked = sorted(lstms, key=lambda network: gradient_at(network.before, LAG) or 0.0)
    if len(ranked) < 2:
        return []
    low, high = (gradient_at(network.before, LAG) or 0.0 for network in (ranked[0], ranked[-1]))
    if high < 10 * low or high == 0:
        return []
    pair = {"worse": name_of(ranked[0]), "better": name_of(ranked[-1])}
    return [msg("verdict.bias", **pair, lag=count(LAG), low=scientific(low), high=scientific(high))]


@dataclass(frozen=True)
class _Reach:
    """How far a network remembers: always, until a length, never, and so on; lost: the length from which it guesses."""

    kind: str
    held: int = 0
    lost: int | None = None


def accuracy(result: Comparison) -> list[Message]:
    """What the curves of accuracy against length show, networks that behave alike named together."""
    lengths = sorted(result.lengths)
    groups: dict[_Reach, list[Network]] = {}
    for network in trained(result):
        groups.setdefault(_reach(network, lengths, result), []).append(network)
    said = [_reached(reach, networks, lengths) for reach, networks in groups.items()]
    return [*said, _over_seeds(result, lengths)] if said else [msg("verdict.nothing")]


def _reach(network: Network, lengths: Sequence[int], result: Comparison) -> _Reach:
    known = [length for length in lengths if accuracies(network, length)]
    good = [mean_accuracy(network, length) >= REMEMBERS for length in known]
    lost = None
    for length in reversed(known):
        if mean_accuracy(network, length) >= REMEMBERS or not guesses(network, length, result):
            break
        lost = length
    if not known:
        return _Reach("missing")
    if all(good):
        return _Reach("always")
    if lost == known[0]:
        return _Reach("guessing")
    if not good[0]:
        return _Reach("never" if not any(good) else "uneven", lost=lost)
    return _Reach("until", held=known[good.index(False) - 1], lost=lost)


def _reached(reach: _Reach, networks: Sequence[Network], lengths: Sequence[int]) -> Message:
    facts: dict[str, Part] = {"networks": names_of(networks), "bar": known_percent(REMEMBERS)}
    if reach.kind == "until":
        after = next(n for n in lengths if n > reach.held and accuracies(networks[0], n))
        facts |= {"length": count(reach.held), "next": count(after), "share": shares(networks, after)}
    elif reach.kind in ("never", "uneven"):
        best = [max((mean_accuracy(n, at), -at) for at in lengths if accuracies(n, at)) for n in networks]
        places = sorted({-at for _, at in best})
        facts |= {"share": span([value for value, _ in best]), "length": [count(at) for at in places]}
    else:
        facts |= {"length": count(max(lengths))}
    told = msg(f"accuracy.{reach.kind}", **facts)
    return msg("accuracy.lost", told=told, length=count(reach.lost)) if reach.lost else told


def _over_seeds(result: Comparison, lengths: Sequence[int]) -> Message:
    """How far the seeds lie apart, where they do so most."""
    spans = [
        (max(values) - min(values), network, length, values)
        for network in trained(result)
        for length in lengths
        if len(values := accuracies(network, length)) > 1
    ]
    if not spans:
        return msg("accuracy.one_seed")
    widest, network, length, values = max(spans, key=lambda span: span[0])
    if widest <= 0.02:
        return msg("accuracy.steady", n=count(len(result.seeds)), points=amount(100 * widest))
    ends = {"low": percent(min(values)), "high": percent(max(values))}
    return msg(
        "accuracy.spread", n=count(len(result.seeds)), network=name_of(network), length=count(length), **ends
    )


def answers(result: Comparison) -> list[Message]:
    """Who answered the article's question rightly (with the first seed), and how sure the wrong ones were."""
    asked = trained(result)
    right = [network for network in asked if network.runs[0].answer == result.expected]
    wrong = [network for network in asked if network not in right]
    facts: dict[str, Part] = {"n": count(len(asked)), "expected": quoted(result.expected)}
    if not asked:
        return []
    if not wrong:
        said = [msg("answers.all", **facts)]
    elif not right:
        said = [msg("answers.none", **facts)]
    else:
        said = [msg("answers.some", **facts, networks=names_of(right), right=count(len(right)))]
    known = [network for network in wrong if not math.isnan(network.runs[0].probability)]
    if known:
        surest = max(known, key=lambda network: network.runs[0].probability)
        chosen = surest.runs[0]
        facts = {"network": name_of(surest), "share": probability(chosen.probability)}
        if chosen.probability >= SURE:
            said.append(msg("answers.sure_wrong", **facts, answer=quoted(chosen.answer)))
        else:
            said.append(msg("answers.unsure_wrong", **facts, chance=known_percent(result.chance)))
    near = min(result.lengths, key=lambda length: abs(length - result.distance), default=None)
    lucky = [n for n in right if near is not None and accuracies(n, near) and guesses(n, near, result)]
    if lucky and result.chance > 0:
        said.append(msg("answers.lucky", networks=names_of(lucky), odds=count(1 / result.chance)))
    return said


def facts(result: Comparison) -> list[Message]:
    """Attention against the last state over the longest stories of the experiment with several facts."""
    by_name: Mapping[str, Reading] = {reading.name: reading for reading in result.readings}
    attention, last = by_name.get("attention"), by_name.get("last")
    lengths = [n for reading in result.readings for n in reading.accuracy if known(reading, n)]
    if not lengths:
        return []
    length = max(lengths)
    third = 1 / result.facts
    looked = fmean(known(attention, length)) if attention and known(attention, length) else None
    alone = fmean(known(last, length)) if last and known(last, length) else None
    where = {"length": count(length), "n": count(result.facts), "third": known_percent(third)}
    if looked is None:
        return [msg("facts.lasts", **where, share=percent(alone))] if alone is not None else []
    attended = msg(f"facts.{'reached' if looked >= REMEMBERS else 'short'}", **where, share=percent(looked))
    if alone is None:
        return [msg("facts.both", attention=attended, last=msg("facts.alone"))]
    tried = result.stories * len(known(last, length))
    kind = "third"
    if not within_chance(alone, third, tried):
        kind = "better"
    elif not within_chance(1 - alone, 1 - third, tried):
        kind = "worse"
    said = [
        msg("facts.both", attention=attended, last=msg(f"facts.last_{kind}", **where, share=percent(alone)))
    ]
    if looked - alone > 0.1:
        said.append(msg("facts.ahead"))
    elif looked <= alone:
        said.append(msg("facts.behind"))
    return said
