"""What the gates did with the sentence, and whether the cell state changes slowly and the hidden state fast."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from ....wording import Message, Part, amount, count, msg, percent, scientific
from ...result import Comparison, Network, Strip
from ..labels import table
from .measures import CLEARLY, HARDLY, STEPS, name_of, quoted


def in_order(gates: Mapping[str, object]) -> list[str]:
    """The gates as they are shown: what is kept, what is written, what is seen; unknown ones last."""
    known = "fziro"
    return sorted(gates, key=lambda gate: known.find(gate) if gate in known else len(known))


def gate_name(gate: str, section: str = "gates.gate") -> Message:
    """The gate's name in words; one that the report does not know keeps its letter."""
    letter = gate if f"{section}_{gate}" in table() else "other"
    return msg(f"{section}_{letter}", name=gate)


def gates(strip: Strip, keeper: str | None) -> list[Message]:
    """How open each gate stood and where it moved most; and what the `keeper` gate so leaves of what was written."""
    said = []
    for gate in in_order(strip.gates):
        values = strip.gates[gate]
        known = [(value, place) for place, value in enumerate(values) if not math.isnan(value)]
        if not known:
            continue
        (least, bottom), (most, top) = min(known), max(known, key=lambda pair: (pair[0], -pair[1]))
        facts: dict[str, Part] = {
            "gate": gate_name(gate),
            "mean": amount(fmean(value for value, _ in known), 2),
        }
        if most - least < 0.01:
            said.append(msg("gates.flat", **facts))
            continue
        ends = {"most": amount(most, 2), "least": amount(least, 2)}
        where = {"top": quoted(strip.tokens[top]), "bottom": quoted(strip.tokens[bottom])}
        said.append(msg("gates.opens", **facts, **ends, **where))
    if keeper is not None and keeper in strip.gates:
        known_values = [value for value in strip.gates[keeper] if not math.isnan(value)]
        if known_values:
            left = fmean(known_values) ** STEPS
            said.append(msg("gates.keeps", gate=gate_name(keeper), left=scientific(left), steps=count(STEPS)))
    return said


def change(network: Network) -> Message | None:
    """Whether the article's claim holds for this network: the cell state slow, the hidden state fast.

    Over the long story where that was measured; else over the sentence, at which the memory still fills.
    """
    means = _over_story(network) or _over_sentence(network)
    slow, fast = means.get("c"), means.get("h")
    if fast is None:
        return None
    facts: dict[str, Part] = {"network": name_of(network), "fast": percent(fast)}
    if slow is None:
        return msg("change.single", **facts)
    if slow == 0:
        return msg("change.still", **facts)
    return msg(f"change.{_pace(slow, fast)}", **facts, slow=percent(slow), ratio=scientific(fast / slow))


def filling(network: Network) -> Message | None:
    """How far both states moved over the sentence itself, where the story after it is what the claim is judged by."""
    means = _over_sentence(network)
    slow, fast = means.get("c"), means.get("h")
    if slow is None or fast is None or not _over_story(network):
        return None
    return msg("change.filling", network=name_of(network), slow=percent(slow), fast=percent(fast))


def claim_lead(result: Comparison) -> Message:
    """What is measured, and over what."""
    if any(_over_story(network) for network in result.networks):
        return msg("change.lead_story", distance=count(result.distance))
    return msg("change.lead")


def claim(result: Comparison) -> list[Message]:
    """A sentence on each network, on each LSTM while its memory fills, and for how many LSTMs the claim holds."""
    said = [told for network in result.networks if (told := change(network)) is not None]
    both = [told for told in said if told.key != "change.single"]
    said += [told for network in result.networks if (told := filling(network)) is not None]
    holding = [told for told in both if told.key in ("change.holds", "change.slightly", "change.still")]
    if both:
        said.append(msg("change.all_hold", holding=count(len(holding)), n=count(len(both))))
    return said


def _pace(slow: float, fast: float) -> str:
    if fast >= CLEARLY * slow:
        return "holds"
    if fast >= HARDLY * slow:
        return "slightly"
    return "even" if fast * HARDLY > slow else "reversed"


def _over_story(network: Network) -> dict[str, float]:
    return {state: value for state, value in network.pace.items() if math.isfinite(value)}


def _over_sentence(network: Network) -> dict[str, float]:
    if network.strip is None:
        return {}
    means = {state: _mean(values) for state, values in network.strip.change.items()}
    return {state: value for state, value in means.items() if value is not None}


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return fmean(known) if known else None
