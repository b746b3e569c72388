"""Statistics and verdict of a comparison, for report and terminal alike."""

import math
from collections.abc import Sequence
from statistics import fmean

from ...wording import Message, Part, count, known_percent, msg, percent_range, scientific
from ..result import Comparison, GradientLine, Network
from .labels import table

REMEMBERS = 0.9  # a network remembers if it is right in nine stories of ten, on average over the seeds
STANDARD_ERRORS = 3.0  # above chance, up to which chance explains an accuracy
LAG = 100  # the lag, in characters, of the gradients in the table


def name_of(network: Network, section: str = "networks") -> Message | str:
    """The network's display name. section: "short" for the end of a curve, "poolings" for a pooling.

    A name that the catalog lacks stays.
    """
    key = f"{section}.{network.name}"
    return msg(key, scale=f"{network.scale:g}") if key in table() else network.name


def trained(result: Comparison) -> list[Network]:
    """The networks that were trained; the scaled RNN was not."""
    return [network for network in result.networks if network.runs]


def lengths_of(networks: Sequence[Network]) -> list[int]:
    """The lengths at which these networks' accuracy was measured, ascending."""
    return sorted({length for network in networks for run in network.runs for length in run.accuracy})


def accuracies(network: Network, length: int) -> list[float]:
    """One accuracy a seed at this length, without those not measured."""
    values = [run.accuracy.get(length, math.nan) for run in network.runs]
    return [value for value in values if not math.isnan(value)]


def mean_accuracy(network: Network, length: int) -> float:
    """Mean over the seeds at this length; NaN if no seed has it."""
    values = accuracies(network, length)
    return fmean(values) if values else math.nan


def mean_seconds(network: Network) -> float:
    """Seconds of a whole training, mean over the seeds; NaN if it was not trained."""
    return fmean(run.seconds for run in network.runs) if network.runs else math.nan


def mean_step_milliseconds(network: Network) -> float:
    """Milliseconds of a training step, mean over the seeds; NaN if it was not trained."""
    values = [1000 * run.seconds / run.steps for run in network.runs if run.steps]
    return fmean(values) if values else math.nan


def steps(result: Comparison) -> list[int]:
    """The numbers of training steps of all runs, ascending."""
    return sorted({run.steps for network in result.networks for run in network.runs})


def gradient_at(line: GradientLine | None, lag: int) -> float | None:
    """The relative gradient at this lag, or at the nearest shorter one; None if unknown or NaN."""
    if line is None:
        return None
    values = [value for at, value in zip(line.lags, line.values, strict=True) if at <= lag]
    return values[-1] if values and not math.isnan(values[-1]) else None


def guesses(network: Network, length: int, result: Comparison) -> bool:
    """Whether the network's mean accuracy at this length is within three standard errors of chance."""
    trials = max(1, result.stories * len(accuracies(network, length)))
    error = math.sqrt(result.chance * (1 - result.chance) / trials)
    return mean_accuracy(network, length) <= result.chance + STANDARD_ERRORS * error


def verdict(result: Comparison) -> list[Message]:
    """Which networks remember over the longest stories, which guess, and which lie between."""
    length = max(result.lengths, default=0)
    remember, between, guess = _by_memory(result, length)
    if not (remember or between or guess):
        return [msg("verdict.nothing")]
    facts: dict[str, Part] = {
        "length": count(length), "stories": count(result.stories), "bar": known_percent(REMEMBERS),
    }  # fmt: skip
    messages = [
        msg("verdict.some", **facts, networks=_names(remember), share=_accuracy_range(remember, length))
        if remember
        else msg("verdict.none", **facts)
    ]
    if guess:
        messages.append(msg("verdict.chance", chance=known_percent(result.chance), networks=_names(guess)))
    if between:
        share = _accuracy_range(between, length)
        messages.append(msg("verdict.between", networks=_names(between), share=share))
    return messages


def why(result: Comparison) -> list[Message]:
    """The gradient before training separates those that remember from those that guess; nothing where it does not."""
    remember, _, guess = _by_memory(result, max(result.lengths, default=0))
    high, low = (
        [value for network in group if (value := gradient_at(network.before, LAG)) is not None]
        for group in (remember, guess)
    )
    if not high or not low or min(high) <= max(low):
        return []
    return [msg("verdict.apart", lag=count(LAG), high=scientific(min(high)), low=scientific(max(low)))]


def untrained(result: Comparison) -> list[Message]:
    """A note on each network that was only scaled up and never trained."""
    return [
        msg("gradient.scaled", network=name_of(network), scale=f"{network.scale:g}")
        for network in result.networks
        if network.scale != 1 and not network.runs
    ]


def _by_memory(result: Comparison, length: int) -> tuple[list[Network], list[Network], list[Network]]:
    """The networks that remember at this length, those between, and those that guess."""
    measured = [network for network in trained(result) if accuracies(network, length)]
    remember = [network for network in measured if mean_accuracy(network, length) >= REMEMBERS]
    others = [network for network in measured if network not in remember]
    guess = [network for network in others if guesses(network, length, result)]
    return remember, [network for network in others if network not in guess], guess


def _names(networks: Sequence[Network]) -> list[Message | str]:
    return [name_of(network) for network in networks]


def _accuracy_range(networks: Sequence[Network], length: int) -> str:
    values = [mean_accuracy(network, length) for network in networks]
    return percent_range(min(values), max(values))
