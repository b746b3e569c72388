"""How much of the learning signal arrives: whether it vanishes, fades, arrives or explodes; what training changed."""

import math
from collections.abc import Callable, Sequence

from ....wording import Message, count, known_percent, msg, scientific
from ...result import Comparison, GradientLine, Network
from .measures import FAINT, GONE, GROWN, LAG, gradient_at, name_of


def gradient(result: Comparison, when: str) -> list[Message]:
    """One sentence a network on its gradient before or after training."""
    said = []
    for network in result.networks:
        line = getattr(network, when)
        if line is not None and line.lags:
            changed = _changed(network) if when == "after" else None
            said.append(changed or _arrives(network, line))
    return said


def _arrives(network: Network, line: GradientLine) -> Message:
    """Whether the gradient of one line vanishes, fades, arrives, explodes, overflows, or has no value."""
    near = [(lag, value) for lag, value in zip(line.lags, line.values, strict=True) if lag <= LAG]
    near = near or [(line.lags[0], line.values[0])]
    lag, value = near[-1]
    facts = {"network": name_of(network), "faint": known_percent(FAINT)}
    broken = next((at for at, here in near if math.isnan(here)), None)
    if broken is not None:
        return msg("gradient.undefined", **facts, lag=count(broken))
    endless = next((at for at, here in near if math.isinf(here)), None)
    if endless is not None:
        return msg("gradient.overflows", **facts, lag=count(endless))
    if value > GROWN:
        return msg("gradient.explodes", **facts, lag=count(lag), value=scientific(value))
    if value >= FAINT:
        return msg("gradient.arrives", **facts, lag=count(lag), value=scientific(value))
    faint = count(_since(near, lambda here: here < FAINT))
    if value == 0 and network.cell is None:
        return msg("gradient.window", **facts, lag=count(_since(near, lambda here: here == 0)))
    if value == 0:
        return msg(
            "gradient.exact_zero", **facts, gone=faint, lag=count(_since(near, lambda here: here == 0))
        )
    kind = "vanishes" if value < GONE else "fades"
    return msg(f"gradient.{kind}", **facts, gone=faint, lag=count(lag), value=scientific(value))


def _since(near: Sequence[tuple[int, float]], holds: Callable[[float], bool]) -> int:
    """The first lag from which on the condition holds to the end."""
    first = near[-1][0]
    for lag, value in reversed(near):
        if not holds(value):
            break
        first = lag
    return first


def _changed(network: Network) -> Message | None:
    """What training did to the gradient at the lag of the table; None if that is not known."""
    before, after = gradient_at(network.before, LAG), gradient_at(network.after, LAG)
    if before is None or after is None or math.inf in (before, after):
        return None
    kind = "none"
    if after > 2 * before:
        kind = "up"
    elif before > 2 * after:
        kind = "down"
    facts = {
        "network": name_of(network),
        "lag": count(LAG),
        "before": scientific(before),
        "after": scientific(after),
    }
    return msg(f"gradient.changed_{kind}", **facts)


def scaled_up(result: Comparison) -> list[Message]:
    """A word on the networks that were never trained, and on whether their gradient grows as it is meant to."""
    said = []
    for network in result.networks:
        if network.runs or network.before is None:
            continue
        said.append(msg("gradient.scaled", network=name_of(network), scale=f"{network.scale:g}"))
        known = [value for value in network.before.values if not math.isnan(value)]
        if known and max(known) <= GROWN:
            said.append(msg("gradient.scaled_tame"))
    return said
