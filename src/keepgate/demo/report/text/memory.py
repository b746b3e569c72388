"""Who remembers, how far back, and what they answer: the verdict, accuracy against length, answers, several facts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ...result import Comparison, Network, Reading
from ..labels import Part, Say, amount, count, exact, say, share, size
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


def verdict(result: Comparison) -> list[Say]:
    """The paragraph at the top: who remembers over the longest stories, and who guesses."""
    length = max(result.lengths, default=0)
    known = [network for network in trained(result) if accuracies(network, length)]
    if not known:
        return [say("verdict.nothing")]
    remember = [network for network in known if mean_accuracy(network, length) >= REMEMBERS]
    guess = [network for network in known if network not in remember and guesses(network, length, result)]
    rest = [network for network in known if network not in remember and network not in guess]
    facts: dict[str, Part] = {
        "length": count(length),
        "stories": count(result.stories),
        "bar": exact(REMEMBERS),
    }
    if len(remember) == len(known):
        said = [say("verdict.all", **facts)]
    elif remember:
        said = [say("verdict.some", **facts, networks=names_of(remember), share=shares(remember, length))]
    else:
        best = max(known, key=lambda network: mean_accuracy(network, length))
        said = [say("verdict.none", **facts, network=name_of(best), share=share(mean_accuracy(best, length)))]
    if guess:
        said.append(say("verdict.chance", chance=exact(result.chance), networks=names_of(guess)))
    if rest:
        said.append(say("verdict.between", networks=names_of(rest), share=shares(rest, length)))
    return said


def why(result: Comparison) -> list[Say]:
    """Whether the gradient before training already told who would remember, and what the bias alone did."""
    length = max(result.lengths, default=0)
    known = [network for network in trained(result) if accuracies(network, length)]
    remember = [network for network in known if mean_accuracy(network, length) >= REMEMBERS]
    guess = [network for network in known if network not in remember and guesses(network, length, result)]
    return _told_apart(remember, guess) + _same_cell(known)


def _told_apart(remember: Sequence[Network], guess: Sequence[Network]) -> list[Say]:
    """Whether every network that remembers had more gradient before training than every one that guesses."""
    high = [value for network in remember if (value := gradient_at(network.before, LAG)) is not None]
    low = [value for network in guess if (value := gradient_at(network.before, LAG)) is not None]
    if not high or not low:
        return []
    if min(high) > max(low):
        return [say("verdict.apart", lag=count(LAG), high=size(min(high)), low=size(max(low)))]
    return [say("verdict.mixed", lag=count(LAG), high=size(min(high)), low=size(max(low)))]


def _same_cell(known: Sequence[Network]) -> list[Say]:
    """The pair of one cell under two biases, if one of them keeps at least ten times as much of the gradient."""
    lstms = [n for n in known if n.cell == "lstm" and gradient_at(n.before, LAG) is not None]
    ranked = sorted(lstms, key=lambda network: gradient_at(network.before, LAG) or 0.0)
    if len(ranked) < 2:
        return []
    low, high = (gradient_at(network.before, LAG) or 0.0 for network in (ranked[0], ranked[-1]))
    if high < 10 * low or high == 0:
        return []
    pair = {"worse": name_of(ranked[0]), "better": name_of(ranked[-1])}
    return [say("verdict.bias", **pair, lag=count(LAG), low=size(low), high=size(high))]


@dataclass(frozen=True)
class _Reach:
    """How far a network remembers: always, until a length, never, and so on; lost: the length from which it guesses."""

    kind: str
    held: int = 0
    lost: int | None = None


def accuracy(result: Comparison) -> list[Say]:
    """What the curves of accuracy against length show, networks that behave alike named together."""
    lengths = sorted(result.lengths)
    groups: dict[_Reach, list[Network]] = {}
    for network in trained(result):
        groups.setdefault(_reach(network, lengths, result), []).append(network)
    said = [_reached(reach, networks, lengths) for reach, networks in groups.items()]
    return [*said, _over_seeds(result, lengths)] if said else [say("verdict.nothing")]


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


def _reached(reach: _Reach, networks: Sequence[Network], lengths: Sequence[int]) -> Say:
    facts: dict[str, Part] = {"networks": names_of(networks), "bar": exact(REMEMBERS)}
    if reach.kind == "until":
        after = next(n for n in lengths if n > reach.held and accuracies(networks[0], n))
        facts |= {"length": count(reach.held), "next": count(after), "share": shares(networks, after)}
    elif reach.kind in ("never", "uneven"):
        best = [max((mean_accuracy(n, at), -at) for at in lengths if accuracies(n, at)) for n in networks]
        places = sorted({-at for _, at in best})
        facts |= {"share": span([value for value, _ in best]), "length": [count(at) for at in places]}
    else:
        facts |= {"length": count(max(lengths))}
    told = say(f"accuracy.{reach.kind}", **facts)
    return say("accuracy.lost", told=told, length=count(reach.lost)) if reach.lost else told


def _over_seeds(result: Comparison, lengths: Sequence[int]) -> Say:
    """How far the seeds lie apart, where they do so most."""
    spans = [
        (max(values) - min(values), network, length, values)
        for network in trained(result)
        for length in lengths
        if len(values := accuracies(network, length)) > 1
    ]
    if not spans:
        return say("accuracy.one_seed")
    widest, network, length, values = max(spans, key=lambda span: span[0])
    if widest <= 0.02:
        return say("accuracy.steady", n=count(len(result.seeds)), points=amount(100 * widest))
    ends = {"low": share(min(values)), "high": share(max(values))}
    return say(
        "accuracy.spread", n=count(len(result.seeds)), network=name_of(network), length=count(length), **ends
    )


def answers(result: Comparison) -> list[Say]:
    """Who answered the article's question rightly (with the first seed), and how sure the wrong ones were."""
    asked = trained(result)
    right = [network for network in asked if network.runs[0].answer == result.expected]
    wrong = [network for network in asked if network not in right]
    facts: dict[str, Part] = {"n": count(len(asked)), "expected": quoted(result.expected)}
    if not asked:
        return []
    if not wrong:
        said = [say("answers.all", **facts)]
    elif not right:
        said = [say("answers.none", **facts)]
    else:
        said = [say("answers.some", **facts, networks=names_of(right), right=count(len(right)))]
    known = [network for network in wrong if not math.isnan(network.runs[0].probability)]
    if known:
        surest = max(known, key=lambda network: network.runs[0].probability)
        chosen = surest.runs[0]
        facts = {"network": name_of(surest), "share": share(chosen.probability)}
        if chosen.probability >= SURE:
            said.append(say("answers.sure_wrong", **facts, answer=quoted(chosen.answer)))
        else:
            said.append(say("answers.unsure_wrong", **facts, chance=exact(result.chance)))
    near = min(result.lengths, key=lambda length: abs(length - result.distance), default=None)
    lucky = [n for n in right if near is not None and accuracies(n, near) and guesses(n, near, result)]
    if lucky and result.chance > 0:
        said.append(say("answers.lucky", networks=names_of(lucky), odds=count(1 / result.chance)))
    return said


def facts(result: Comparison) -> list[Say]:
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
    where = {"length": count(length), "n": count(result.facts), "third": exact(third)}
    if looked is None:
        return [say("facts.lasts", **where, share=share(alone))] if alone is not None else []
    attended = say(f"facts.{'reached' if looked >= REMEMBERS else 'short'}", **where, share=share(looked))
    if alone is None:
        return [say("facts.both", attention=attended, last=say("facts.alone"))]
    tried = result.stories * len(known(last, length))
    kind = "third"
    if not within_chance(alone, third, tried):
        kind = "better"
    elif not within_chance(1 - alone, 1 - third, tried):
        kind = "worse"
    said = [
        say("facts.both", attention=attended, last=say(f"facts.last_{kind}", **where, share=share(alone)))
    ]
    if looked - alone > 0.1:
        said.append(say("facts.ahead"))
    elif looked <= alone:
        said.append(say("facts.behind"))
    return said
