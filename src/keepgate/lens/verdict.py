"""The verdict: one sentence with its numbers, and the one thing to do about it."""

import math
from dataclasses import dataclass
from typing import Literal

Fault = Literal["none", "exploding", "saturated", "forgets", "untrained"]

# Where all gates stand at an end this often, what they are given hardly moves them: a sigmoid's slope is 0.09 or less
# there, against 0.25 in the middle.
STUCK = 0.75

# Differences of the state that grow a hundredfold on the way to what is needed, as a signal is gone below a hundredth:
# an exponent a little above 0 is that of a network which holds apart what it has told apart.
GROWN = math.log(100)
# Reading takes away at least so much of the loss in a network that has learned something: an untrained one's differs
# by chance, too, but not by a tenth.
HELPED = 0.1
# A network whose gradient grows has no fault all the same if reading takes away so much of its loss: what it has
# learned to tell apart it must hold apart, and a chaotic one does not come near by chance.
SOLVED = 0.5


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the verdict is found from. Steps are the data's: tokens, days.

    needed:    how far back what is asked for lies, not counting the `asked` steps of a question after it.
    horizon:   how far back the answers depend on what was read.
    helps:     whether reading more makes the loss fall, and never rise: in a chaotic network it does both.
    explained: the share of the loss given the last step alone that reading all of them takes away.
    gone:      from which lag on less than 1 % of the gradient is left; None if it reaches as far as was measured.
    decay:     the steps in which the gradient falls to 1/e; negative if it grows, NaN if it cannot be said.
    explodes:  whether the gradient grows with the lag.
    exponent:  the largest Lyapunov exponent, in nats a step. half_life: of the most lasting units; None without gates.
    saturated: how often the gate that is least often at one of its ends is there, 0 to 1; None without gates.
    gated:     whether a gate keeps the memory.
    loss:      given everything, in nats. guess: what guessing among the known answers costs; None where nobody knows.
    """

    needed: int
    horizon: int
    helps: bool
    explained: float
    gone: int | None
    decay: float
    explodes: bool
    exponent: float
    half_life: float | None
    saturated: float | None
    gated: bool
    asked: int = 0
    loss: float = 0.0
    guess: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """fault: which of the known ones, or "none". sentence: what was found and what to do, with the numbers."""

    fault: Fault
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def verdict(found: Findings) -> Verdict:
    """The first fault that the findings show, in the order in which one hides the next.

    A network whose answers reach as far back as they must, and are better than guesses, has no fault, whatever its
    gradients look like.
    """
    enough = SOLVED if _exploding(found) else HELPED
    reaches = found.horizon >= found.needed and found.helps and found.explained >= enough
    if reaches and not _guesses(found):
        return Verdict(fault="none", sentence=_nothing(found))
    for fault, shows, say in (
        ("exploding", _exploding, _say_exploding),
        ("saturated", _saturated, _say_saturated),
        ("forgets", _forgets, _say_forgets),
    ):
        if shows(found):
            return Verdict(fault=fault, sentence=say(found))  # type: ignore[arg-type]
    return Verdict(fault="untrained", sentence=_say_untrained(found))


def _exploding(found: Findings) -> bool:
    return found.explodes or found.exponent * found.needed > GROWN


def _saturated(found: Findings) -> bool:
    return found.saturated is not None and found.saturated > STUCK


def _guesses(found: Findings) -> bool:
    return found.guess is not None and found.loss >= found.guess


def _forgets(found: Findings) -> bool:
    return found.gone is not None and found.gone < found.needed + found.asked


def _nothing(found: Findings) -> str:
    return (
        f"nothing is wrong: the answers depend on the last {found.horizon:,} steps, and what they need is "
        f"{found.needed:,} away."
    )


def _say_exploding(found: Findings) -> str:
    grown = f"grows by e in {-found.decay:.1f} steps" if found.decay < 0 else "is no number any more"
    if not found.explodes:
        rate = 100 * math.expm1(found.exponent)
        grown = f"need not show it, but differences of the state grow by {rate:.1f}% a step"
    return (
        f"the gradient {grown} (largest Lyapunov exponent {found.exponent:+.3f}): scale the recurrent weights down "
        "(orthogonal initialisation), clip the gradient, and train again with a lower learning rate."
    )


def _say_saturated(found: Findings) -> str:
    share = 100 * (found.saturated or 0)
    return (
        f"the gates stand at their ends {share:.0f}% of the time or more, where what they are given hardly moves them: "
        "scale the input down or the weights, decay them while training, and train again."
    )


def _say_forgets(found: Findings) -> str:
    signal = f"the learning signal is gone after {found.gone:,} steps, the answers are {found.needed:,} away"
    if not found.gated:
        return f"{signal}, and a network without gates has nothing to keep it with: use an LSTM or a GRU."
    half = "" if found.half_life is None else f" (its most lasting units lose half in {found.half_life:.1f})"
    return (
        f"{signal}{half}: raise the forget gate's bias (chrono initialisation, T = {found.needed}) or train on shorter "
        "texts first."
    )


def _say_untrained(found: Findings) -> str:
    reaches = "reaches as far as was measured" if found.gone is None else f"reaches {found.gone:,} steps back"
    if found.horizon >= found.needed and found.helps and _guesses(found):
        return (
            f"the answers depend on the last {found.horizon:,} steps, but are no better than guesses (they cost "
            f"{found.loss:.2f} nats, guessing {found.guess:.2f}): train longer, and on texts as long as these."
        )
    if found.horizon >= found.needed:
        return (
            f"the learning signal {reaches}, but reading more does not make the loss fall: train longer, and on texts "
            "as long as these."
        )
    return (
        f"the learning signal {reaches}, but the answers depend on the last {found.horizon:,} steps only, of "
        f"{found.needed:,} that they need: train longer, and on texts as long as these."
    )
