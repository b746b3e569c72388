"""The few numbers that every sentence is said from, and the bars at which a word such as "remembers" is earned."""

import math
from collections.abc import Sequence
from statistics import fmean

from ....wording import Message, Part, msg, percent_range
from ...result import Comparison, GradientLine, Network, Reading
from ..labels import table

REMEMBERS = 0.9  # right in nine stories of ten, on average over the seeds
ERRORS = 3.0  # standard errors above chance that chance still explains
FAINT = 0.01  # less than this share of the gradient has faded (LENS.md, 6)
GONE = 1e-6  # and less than this has vanished
GROWN = 10.0  # more than this times the gradient at lag 0 has exploded
LAG = 100  # the lag of the table
CLEARLY, HARDLY = (
    1.5,
    1.1,
)  # ratios of change: from the first on it is said without reserve, under the second not at all
SURE = 0.5  # a wrong answer above this probability is a sure one
STEPS = 100  # characters over which the keeping of a gate is told


def name_of(network: Network, section: str = "networks") -> Message | str:
    """The network's name for readers; the name given, if the report has no word for it.

    section: "networks", or "short" for the end of a curve.
    """
    return named(section, network.name, scale=f"{network.scale:g}")


def named(section: str, name: str, **parts: Part) -> Message | str:
    """The words for a name in a section of words.toml, or the name itself."""
    known = f"{section}.{name}"
    return msg(known, **parts) if known in table() else name


def quoted(token: str) -> Message:
    """A word or character in the quotation marks of the language."""
    return msg("gates.token", token=token)


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
    return within_chance(mean_accuracy(network, length), result.chance, tried)


def within_chance(value: float, level: float, tried: int) -> bool:
    return value <= level + ERRORS * math.sqrt(level * (1 - level) / max(1, tried))


def names_of(networks: Sequence[Network]) -> list[Message | str]:
    return [name_of(network) for network in networks]


def shares(networks: Sequence[Network], length: int) -> str:
    return span([value for n in networks if not math.isnan(value := mean_accuracy(n, length))])


def span(values: Sequence[float]) -> str:
    return percent_range(min(values), max(values))


def gradient_at(line: GradientLine | None, lag: int) -> float | None:
    """The relative gradient at this lag, at the nearest shorter one that was measured; None if unknown or no number."""
    if line is None:
        return None
    known = [(at, value) for at, value in zip(line.lags, line.values, strict=True) if at <= lag]
    if not known or math.isnan(known[-1][1]):
        return None
    return known[-1][1]


def known(reading: Reading | None, length: int) -> list[float]:
    values = reading.accuracy.get(length, ()) if reading else ()
    return [value for value in values if not math.isnan(value)]
