"""The verdict: one sentence with its numbers, and the one thing to do about it."""

import math
from dataclasses import dataclass, field
from typing import Literal

from ..thresholds import EXPLODED
from .answer_quality import AnswerQuality
from .evidence import Evidence

Fault = Literal[
    "none", "unknown", "targets", "padding", "exploding", "saturated", "overfitted", "forgets", "untrained"
]

# Where all gates stand at an end this often, what they are given hardly moves them: a sigmoid's slope is 0.09 or less
# there, against 0.25 in the middle.
STUCK = 0.75

# Differences of the state that grow a hundredfold on the way to what is needed, as a signal is gone below a hundredth:
# an exponent a little above 0 is that of a network which holds apart what it has told apart.
GROWN = math.log(EXPLODED)
# Reading takes away at least so much of the loss in a network that has learned something: an untrained one's differs
# by chance, too, but not by a tenth.
HELPED = 0.1
# A network whose gradient grows has no fault all the same if reading takes away so much of its loss: what it has
# learned to tell apart it must hold apart, and a chaotic one does not come near by chance.
SOLVED = 0.5

# Where nobody said how far back the answers lie, a network is as good as it must be from this skill on (0 is guessing,
# 1 all right), if neither long rows nor a baseline show that there is more to be had, by so much.
GOOD, MORE = 0.8, 0.1
# Targets of this size are out of reach of a head that starts out giving numbers around 0.
LARGE = 10


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
    loss:      given everything, in nats. guess: what guessing costs; None where nobody knows.
    assumed:   whether nobody said how far back what is asked for lies: `needed` is then how far a baseline had to read,
               else the rows' length. evidence: of the answers and the data.
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
    assumed: bool = False
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def guesses(self) -> bool:
        """Whether the answers, given everything, are no better than guesses."""
        return self.guess is not None and self.loss >= self.guess


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """fault: which of the known ones, "none", or "unknown" where the numbers do not tell.

    found: the numbers that showed it.
    """

    fault: Fault
    found: Findings = field(repr=False)


def verdict_of(found: Findings) -> Verdict:
    """The first fault that the findings show, in the order in which one hides the next.

    A network whose answers reach as far back as they must, and are better than guesses, has no fault, whatever its
    gradients look like.
    """
    return Verdict(fault=_fault(found), found=found)


def _fault(found: Findings) -> Fault:
    if found.evidence.alike:
        return "targets"
    if found.assumed and found.evidence.quality is not None:
        return _fault_measured(found, found.evidence, found.evidence.quality)
    if _reaches(found) and not found.guesses:
        return "none"
    if _exploding(found):
        return "exploding"
    if _saturated(found):
        return "saturated"
    if found.assumed:
        return "unknown"
    return "forgets" if _forgets(found) else "untrained"


def _fault_measured(found: Findings, evidence: Evidence, quality: AnswerQuality) -> Fault:
    """Where nobody said how far back the answers lie: by how good they are, and by what a baseline reads."""
    if quality.kind == "explained" and quality.value < SOLVED and quality.spread > LARGE:
        return "targets"
    baseline = evidence.baseline
    more = baseline is not None and baseline.needed is not None and baseline.skill > quality.skill + MORE
    uneven = quality.lost_on_long_rows or quality.lost_on_short_rows
    if quality.skill >= GOOD and not (more or uneven):
        return "none"
    if evidence.padding is not None and evidence.padding.read:
        return "padding"
    if _grows(found):
        return "exploding"
    if _saturated(found):
        return "saturated"
    if quality.leans_to_short_rows and _forgets(found) and (more or quality.lost_on_long_rows):
        return "forgets"
    if quality.surer_than_right:
        return "overfitted"
    if not (more or quality.lost_on_long_rows):
        return "unknown"
    return "forgets" if _forgets(found) else "untrained"


def _grows(found: Findings) -> bool:
    """Whether gradient or differences grow a hundredfold: of pooled states the earlier ones always count for more."""
    gradient = found.explodes and not (math.isfinite(found.decay) and -found.needed / found.decay <= GROWN)
    return gradient or found.exponent * found.needed > GROWN


def _reaches(found: Findings) -> bool:
    """Whether the answers depend on as much as they need, and reading it makes the loss fall."""
    enough = SOLVED if _exploding(found) else HELPED
    return found.horizon >= found.needed and found.helps and found.explained >= enough


def _exploding(found: Findings) -> bool:
    return found.explodes or found.exponent * found.needed > GROWN


def _saturated(found: Findings) -> bool:
    return found.saturated is not None and found.saturated > STUCK


def _forgets(found: Findings) -> bool:
    return found.gone is not None and found.gone < found.needed + found.asked
