"""What a reader sees in each picture, said from the numbers: every claim has a branch for the data that contradict it."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from .result import Comparison, GradientLine, Network, Reading, Strip
from .words import Part, Say, amount, chance_of, count, say, share, size, table

REMEMBERS = 0.9  # right in nine stories of ten, on average over the seeds
ERRORS = 3.0  # standard errors above chance that chance still explains
FAINT = 0.01  # less than this share of the gradient has faded (LENS.md, 6)
GONE = 1e-6  # and less than this has vanished
GROWN = 10.0  # more than this times the gradient at lag 0 has exploded
LAG = 100  # the lag of the table
CLEARLY, HARDLY = 1.5, 1.1  # ratios of change: from the first on it is said without reserve, under the second not at all
SURE = 0.5  # a wrong answer above this probability is a sure one
STEPS = 100  # characters over which the keeping of a gate is told


def name_of(network: Network, section: str = "networks") -> Say | str:
    """The network's name for readers (section "short": for a picture); the name given, if the report has no word for it."""
    return named(section, network.name, scale=f"{network.scale:g}")


def named(section: str, name: str, **parts: Part) -> Say | str:
    """The words for a name in a section of words.toml, or the name itself."""
    known = f"{section}.{name}"
    return say(known, **parts) if known in table() else name


def quoted(token: str) -> Say:
    """A word or character in the quotation marks of the language."""
    return say("gates.token", token=token)


# ---- accuracy


def trained(result: Comparison) -> list[Network]:
    """The contestants, without those that are only looked at."""
    return [network for network in result.networks if network.runs]


def mean_accuracy(network: Network, length: int) -> float:
    """Mean over the seeds at this length; NaN if no seed has it."""
    known = accuracies(network, length)
    return fmean(known) if known else math.nan


def accuracies(network: Network, length: int) -> list[float]:
    """One value a seed at this length, without those not measured."""
    values = (run.accuracy.get(length, math.nan) for run in network.runs)
    return [value for value in values if not math.isnan(value)]


def guesses(network: Network, length: int, result: Comparison) -> bool:
    """Whether chance explains the network's mean accuracy at this length."""
    tried = max(1, result.stories * len(accuracies(network, length)))
    return _within_chance(mean_accuracy(network, length), result.chance, tried)


def _within_chance(value: float, level: float, tried: int) -> bool:
    return value <= level + ERRORS * math.sqrt(level * (1 - level) / max(1, tried))


def verdict(result: Comparison) -> list[Say]:
    """The paragraph at the top: who remembers over the longest stories, who guesses, and whether the gradient told so."""
    length = max(result.lengths, default=0)
    known = [network for network in trained(result) if accuracies(network, length)]
    if not known:
        return [say("verdict.nothing")]
    remember = [network for network in known if mean_accuracy(network, length) >= REMEMBERS]
    guess = [network for network in known if network not in remember and guesses(network, length, result)]
    between = [network for network in known if network not in remember and network not in guess]
    facts = {"length": count(length), "stories": count(result.stories), "bar": share(REMEMBERS)}
    if len(remember) == len(known):
        said = [say("verdict.all", **facts)]
    elif remember:
        said = [say("verdict.some", **facts, networks=_names(remember), share=_shares(remember, length))]
    else:
        best = max(known, key=lambda network: mean_accuracy(network, length))
        said = [say("verdict.none", **facts, network=name_of(best), share=share(mean_accuracy(best, length)))]
    if guess:
        said.append(say("verdict.chance", chance=chance_of(result.chance), networks=_names(guess)))
    if between:
        said.append(say("verdict.between", networks=_names(between), share=_shares(between, length)))
    return said + _told_apart(remember, guess) + _same_cell(known)


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
    return [say("verdict.bias", **pair, low=size(low), high=size(high))]


def accuracy(result: Comparison) -> list[Say]:
    """What the curves of accuracy against length show, networks that behave alike named together."""
    lengths = sorted(result.lengths)
    groups: dict[str, list[Network]] = {}
    for network in trained(result):
        groups.setdefault(_reach(network, lengths, result), []).append(network)
    said = [_reached(kind, networks, lengths) for kind, networks in groups.items()]
    return said + [_over_seeds(result, lengths)] if said else [say("verdict.nothing")]


def _reach(network: Network, lengths: Sequence[int], result: Comparison) -> str:
    """How far a network remembers, as one word: always, until:LENGTH, guessing, never or missing."""
    known = [length for length in lengths if accuracies(network, length)]
    if not known:
        return "missing"
    if all(mean_accuracy(network, length) >= REMEMBERS for length in known):
        return "always"
    if all(guesses(network, length, result) for length in known):
        return "guessing"
    held = 0
    for length in known:
        if mean_accuracy(network, length) < REMEMBERS:
            break
        held = length
    return f"until:{held}" if held else "never"


def _reached(kind: str, networks: Sequence[Network], lengths: Sequence[int]) -> Say:
    who = _names(networks)
    if kind.startswith("until:"):
        held = int(kind.removeprefix("until:"))
        after = next(n for n in lengths if n > held and accuracies(networks[0], n))
        return say("accuracy.until", networks=who, length=count(held), next=count(after), share=_shares(networks, after))
    if kind == "never":
        best, length = max((mean_accuracy(networks[0], n), -n) for n in lengths if accuracies(networks[0], n))
        if len(networks) > 1:
            tops = [max(mean_accuracy(network, n) for n in lengths if accuracies(network, n)) for network in networks]
            return say("accuracy.never_many", networks=who, bar=share(REMEMBERS), share=_range(tops))
        facts = {"bar": share(REMEMBERS), "share": share(best), "length": count(-length)}
        return say("accuracy.never", networks=who, **facts)
    return say(f"accuracy.{kind}", networks=who, bar=share(REMEMBERS), length=count(max(lengths)))


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
    return say("accuracy.spread", n=count(len(result.seeds)), network=name_of(network), length=count(length), **ends)


def _names(networks: Sequence[Network]) -> list[Say | str]:
    return [name_of(network) for network in networks]


def _shares(networks: Sequence[Network], length: int) -> str:
    return _range([value for n in networks if not math.isnan(value := mean_accuracy(n, length))])


def _range(values: Sequence[float]) -> str:
    """`98%`, or `94% – 100%`."""
    low, high = share(min(values)), share(max(values))
    return low if low == high else f"{low} – {high}"


# ---- answers


def answers(result: Comparison) -> list[Say]:
    """Who answered the article's question rightly (with the first seed), and how sure the wrong ones were."""
    asked = trained(result)
    right = [network for network in asked if network.runs[0].answer == result.expected]
    wrong = [network for network in asked if network not in right]
    facts = {"n": count(len(asked)), "expected": quoted(result.expected)}
    if not asked:
        return []
    if not wrong:
        said = [say("answers.all", **facts)]
    elif not right:
        said = [say("answers.none", **facts)]
    else:
        said = [say("answers.some", **facts, networks=_names(right), right=count(len(right)))]
    known = [network for network in wrong if not math.isnan(network.runs[0].probability)]
    if known:
        surest = max(known, key=lambda network: network.runs[0].probability)
        chosen = surest.runs[0]
        facts = {"network": name_of(surest), "share": share(chosen.probability)}
        if chosen.probability >= SURE:
            said.append(say("answers.sure_wrong", **facts, answer=quoted(chosen.answer)))
        else:
            said.append(say("answers.unsure_wrong", **facts, chance=chance_of(result.chance)))
    near = min(result.lengths, key=lambda length: abs(length - result.distance), default=None)
    lucky = [n for n in right if near is not None and accuracies(n, near) and guesses(n, near, result)]
    if lucky and result.chance > 0:
        said.append(say("answers.lucky", networks=_names(lucky), odds=count(1 / result.chance)))
    return said


# ---- gradient


def gradient_at(line: GradientLine | None, lag: int) -> float | None:
    """The relative gradient at this lag, at the nearest shorter one that was measured; None if unknown or no number."""
    if line is None:
        return None
    known = [(at, value) for at, value in zip(line.lags, line.values, strict=True) if at <= lag]
    if not known or math.isnan(known[-1][1]):
        return None
    return known[-1][1]


def gradient(result: Comparison, when: str) -> list[Say]:
    """One sentence a network on its gradient before or after training."""
    lines = ((network, getattr(network, when)) for network in result.networks)
    return [_arrives(name_of(network), line) for network, line in lines if line is not None and line.lags]


def _arrives(network: Say | str, line: GradientLine) -> Say:
    """Whether the gradient of one line vanishes, fades, arrives, explodes, overflows, or has no value."""
    near = [(lag, value) for lag, value in zip(line.lags, line.values, strict=True) if lag <= LAG]
    near = near or [(line.lags[0], line.values[0])]
    lag, value = near[-1]
    facts = {"network": network, "faint": share(FAINT)}
    broken = next((at for at, here in near if math.isnan(here)), None)
    if broken is not None:
        return say("gradient.undefined", **facts, lag=count(broken))
    endless = next((at for at, here in near if math.isinf(here)), None)
    if endless is not None:
        return say("gradient.overflows", **facts, lag=count(endless))
    if value > GROWN:
        return say("gradient.explodes", **facts, lag=count(lag), value=size(value))
    if value >= FAINT:
        return say("gradient.arrives", **facts, lag=count(lag), value=size(value))
    faint = count(_since(near, lambda here: here < FAINT))
    if value == 0:
        return say("gradient.exact_zero", **facts, gone=faint, lag=count(_since(near, lambda here: here == 0)))
    kind = "vanishes" if value < GONE else "fades"
    return say(f"gradient.{kind}", **facts, gone=faint, lag=count(lag), value=size(value))


def _since(near: Sequence[tuple[int, float]], holds) -> int:
    """The first lag from which on the condition holds to the end."""
    first = near[-1][0]
    for lag, value in reversed(near):
        if not holds(value):
            break
        first = lag
    return first


def gradient_changes(result: Comparison) -> list[Say]:
    """What training did to the gradient at the lag of the table, one sentence a network."""
    said = []
    for network in trained(result):
        before, after = gradient_at(network.before, LAG), gradient_at(network.after, LAG)
        if before is None or after is None:
            continue
        kind = "none"
        if after > 3 * before:
            kind = "up"
        elif before > 3 * after:
            kind = "down"
        facts = {"network": name_of(network), "lag": count(LAG), "before": size(before), "after": size(after)}
        said.append(say(f"gradient.changed_{kind}", **facts))
    return said


def scaled_up(result: Comparison) -> list[Say]:
    """A word on the networks that were never trained, and on whether their gradient grows as it is meant to."""
    said = []
    for network in result.networks:
        if network.runs or network.before is None:
            continue
        said.append(say("gradient.scaled", network=name_of(network)))
        known = [value for value in network.before.values if not math.isnan(value)]
        if known and max(known) <= GROWN:
            said.append(say("gradient.scaled_tame"))
    return said


# ---- gates and change


def gate_name(gate: str, section: str = "gates.gate") -> Say:
    """The gate's name in words; one that the report does not know keeps its letter."""
    letter = gate if f"{section}_{gate}" in table() else "other"
    return say(f"{section}_{letter}", name=gate)


def gates(strip: Strip, keeper: str | None) -> list[Say]:
    """How open each gate stood and where it moved most; and what that means for what was written (`keeper`: that gate)."""
    said = []
    for gate, values in strip.gates.items():
        known = [(value, place) for place, value in enumerate(values) if not math.isnan(value)]
        if not known:
            continue
        (least, bottom), (most, top) = min(known), max(known, key=lambda pair: (pair[0], -pair[1]))
        facts = {"gate": gate_name(gate), "mean": amount(fmean(value for value, _ in known), 2)}
        if most - least < 0.01:
            said.append(say("gates.flat", **facts))
            continue
        ends = {"most": amount(most, 2), "least": amount(least, 2)}
        where = {"top": quoted(strip.tokens[top]), "bottom": quoted(strip.tokens[bottom])}
        said.append(say("gates.opens", **facts, **ends, **where))
    if keeper in strip.gates:
        known_values = [value for value in strip.gates[keeper] if not math.isnan(value)]
        if known_values:
            left = fmean(known_values) ** STEPS
            said.append(say("gates.keeps", gate=gate_name(keeper), left=size(left), steps=count(STEPS)))
    return said


def change(network: Network) -> Say | None:
    """Whether the article's claim holds for this network: the cell state slow, the hidden state fast."""
    if network.strip is None:
        return None
    means = {state: _mean(values) for state, values in network.strip.change.items()}
    slow, fast = means.get("c"), means.get("h")
    if fast is None:
        return None
    facts = {"network": name_of(network), "fast": share(fast)}
    if slow is None:
        return say("change.single", **facts)
    if slow == 0:
        return say("change.still", **facts)
    return say(f"change.{_pace(slow, fast)}", **facts, slow=share(slow), ratio=size(fast / slow))


def claim(result: Comparison) -> list[Say]:
    """The count of LSTMs for which the claim holds, after a sentence on each network."""
    said = [told for network in result.networks if (told := change(network)) is not None]
    both = [told for told in said if told.key != "change.single"]
    holding = [told for told in both if told.key in ("change.holds", "change.slightly", "change.still")]
    if both:
        said.append(say("change.all_hold", holding=count(len(holding)), n=count(len(both))))
    return said


def _pace(slow: float, fast: float) -> str:
    if fast >= CLEARLY * slow:
        return "holds"
    if fast >= HARDLY * slow:
        return "slightly"
    return "even" if fast * HARDLY > slow else "reversed"


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return fmean(known) if known else None


# ---- several facts


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
    where = {"length": count(length), "n": count(result.facts), "third": share(third)}
    if looked is None:
        return [say("facts.lasts", **where, share=share(alone))] if alone is not None else []
    said = [say(f"facts.{'reached' if looked >= REMEMBERS else 'short'}", **where, share=share(looked))]
    if alone is None:
        return [*said, say("facts.alone")]
    tried = result.stories * len(known(last, length))
    kind = "third"
    if not _within_chance(alone, third, tried):
        kind = "better"
    elif not _within_chance(1 - alone, 1 - third, tried):
        kind = "worse"
    said.append(say(f"facts.last_{kind}", **where, share=share(alone)))
    if looked - alone > 0.1:
        said.append(say("facts.ahead"))
    elif looked <= alone:
        said.append(say("facts.behind"))
    return said


def known(reading: Reading | None, length: int) -> list[float]:
    values = reading.accuracy.get(length, ()) if reading else ()
    return [value for value in values if not math.isnan(value)]
