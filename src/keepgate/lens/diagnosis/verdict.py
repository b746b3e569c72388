"""Verdict: the fault of a network that the numbers of its diagnosis show."""

import math
from dataclasses import dataclass, field
from typing import Literal

from ..thresholds import EXPLODED
from .answer_quality import GOOD, AnswerQuality
from .evidence import MORE, Evidence
from .head_reads import HeadReads
from .row_horizons import RowHorizons
from .trial_training import Trial
from .weight_scale import WeightScale

Fault = Literal[
    "none",
    "unknown",
    "targets",
    "varies",
    "mixed",
    "constant",
    "contrary",
    "scale",
    "bounded",
    "padding",
    "exploding",
    "saturated",
    "extrapolates",
    "overfitted",
    "forgets",
    "untrained",
]

# What is wrong with the targets: all the same, a few of them far from the others, too large for the answers to come
# near, those of other steps or rows, or with labels that are never answered.
TargetFault = Literal["alike", "wild", "large", "shift", "missing"]

# Gates closed or open this often hardly respond to their input: a sigmoid's slope is 0.09 or less there, against 0.25
# in the middle.
STUCK = 0.75

# Differences of the state that grow a hundredfold over the steps needed count as exploding, as a gradient below a
# hundredth has vanished: an exponent a little above 0 is that of a network which keeps different inputs apart.
GROWN = math.log(EXPLODED)
# The share of the loss that reading takes away in a network that has learned something, at least: an untrained one's
# differs by chance, too, but not by a tenth.
HELPED = 0.1
# A network whose gradient grows has no fault all the same if reading takes away this share of its loss: to keep
# inputs apart its states must diverge, and a chaotic network does not come near by chance.
SOLVED = 0.5

# Differences of the state that grow by this many nats over the steps needed, together with the gradient.
APART = 0.5
# Where the gradient vanishes on this share of the way, or the answers rest on no more than it, that explains wrong
# answers better than rows known by heart.
CLEARLY = 2 / 3
# Targets of this size are out of reach of a head that starts out giving numbers around 0; what a layer reads of this
# size drives gates to their ends whose weights are as they are first drawn. Weights of so many times the size at which
# they are drawn come of steps that are too large: those of trained networks are up to 5 times as large.
LARGE = 10


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The numbers from which a verdict follows. Steps are the data's: tokens, days.

    needed:    steps back to what the answers need, not counting the `question_steps` read after it.
    horizon:   how far back the answers depend on what was read.
    context_helps: whether reading more makes the loss fall, and never rise: in a chaotic network it does both.
    explained: the share of the loss given the last step alone that reading all of them takes away.
    vanishing_lag: from which lag on less than 1 % of the gradient arrives; None if it reaches as far as was measured.
    decay:     the steps in which the gradient falls to 1/e; negative if it grows, NaN if it cannot be said.
    explodes:  whether the gradient grows with the lag.
    exponent:  the largest Lyapunov exponent, in nats a step. half_life: of the most lasting units; None without gates.
    saturated: how often the gate that is least often closed or open is so, 0 to 1; of a network without gates, how
               often its states are near -1 or 1; None where they need not be.
    gated:     whether a gate keeps the memory. input_size: root mean square of what the layer reads.
    given_size: that of what the model is given; None of tokens. large_columns: of its features, those far from 1, with
                their sizes. weights: of the layer; None where they are not trained.
    loss:      given everything, in nats. guess: the loss of guessing; None where it is unknown.
    assumed:   whether the caller gave no `needed`: it is then measured, or the rows' length.
    evidence:  of the answers and the data. rows: how far back single rows' answers reach.
    detached:  after how many steps the model detaches its states; None where it does not.
    trial:     what a few steps of training on these rows do; None where it was not tried.
    head:      where padding is read, what the head takes of the layer's output. both: whether it reads in both
               directions. begun: whether the head takes the backward one where it has read a row's last step alone.
    """

    needed: int
    horizon: int
    context_helps: bool
    explained: float
    vanishing_lag: int | None
    decay: float
    explodes: bool
    exponent: float
    half_life: float | None
    saturated: float | None
    gated: bool
    input_size: float = 0.0
    given_size: float | None = None
    large_columns: tuple[tuple[int, float], ...] = ()
    weights: WeightScale | None = None
    question_steps: int = 0
    loss: float = 0.0
    guess: float | None = None
    assumed: bool = False
    evidence: Evidence = field(default_factory=Evidence)
    rows: RowHorizons | None = None
    head: HeadReads | None = None
    both: bool = False
    begun: bool = False
    detached: int | None = None
    trial: Trial | None = None

    @property
    def guesses(self) -> bool:
        """Whether the answers, given everything, are no better than guesses."""
        return self.guess is not None and self.loss >= self.guess

    @property
    def goes_by_answers(self) -> bool:
        """Whether the verdict goes by how good the answers are: the caller gave no `needed`, or rows of one length are
        answered much worse than those of another."""
        quality = self.evidence.quality
        if self.assumed or quality is None:
            return self.assumed
        return quality.lost_on_some_rows or quality.limit is not None

    @property
    def target_fault(self) -> TargetFault | None:
        """What is wrong with the targets, or with those that the model was trained on."""
        evidence = self.evidence
        if evidence.alike:
            return "alike"
        if evidence.wild is not None and not evidence.good:
            return "wild"
        if self.goes_by_answers and _out_of_reach(evidence.quality):
            return "large"
        # What is answered for what says nothing of targets while the answers do not hang on the row alone.
        if evidence.varies is not None or evidence.mixed or evidence.constant or self.contrary:
            return None
        if evidence.shift is not None:
            return "shift"
        return "missing" if evidence.confusion.missing else None

    @property
    def contrary(self) -> bool:
        """Whether the answers go against the targets, on rows of any length: long ones alone may be wrong for another
        reason."""
        quality = self.evidence.quality
        if quality is None or quality.lost_on_some_rows:
            return False
        return quality.contrary or bool(self.evidence.confusion.exchanged)

    @property
    def reads_large(self) -> bool:
        """Whether the layer reads numbers that are far from 1."""
        return self.input_size > LARGE

    @property
    def given_large(self) -> bool:
        """Whether it is the data's own numbers that are far from 1."""
        return self.reads_large and self.given_size is not None and self.given_size > LARGE

    @property
    def as_drawn(self) -> bool:
        """Whether training has hardly moved the layer's weights: of a model that has learnt nothing, nearly not."""
        if self.weights is None:
            return False
        quality = self.evidence.quality
        guesses = quality is not None and quality.no_better_than_guessing
        return self.weights.as_drawn or (self.weights.nearly and guesses)

    @property
    def flat(self) -> bool:
        """Whether numbers hardly differ, though most of what the baseline reads lies within the gradient's reach: those
        of a network that forgets hardly differ where most lies beyond."""
        quality, baseline, lag = self.evidence.quality, self.evidence.baseline, self.vanishing_lag
        if quality is None or baseline is None or not quality.flat:
            return False
        within = baseline.skill_within(self.needed if lag is None else lag)
        return within > max(baseline.skill / 2, quality.skill + MORE)

    @property
    def one_label(self) -> bool:
        """Whether all rows are answered by one label, surer than it is right."""
        quality, only = self.evidence.quality, self.evidence.confusion.only
        return quality is not None and only is not None and quality.surer_than_right

    @property
    def cut_off(self) -> bool:
        """Whether the model detaches its states before the gradient is back at what the answers need."""
        return self.detached is not None and self.detached < self.needed + self.question_steps

    @property
    def large_weights(self) -> bool:
        """Whether the layer's weights are far larger than trained ones."""
        return self.weights is not None and self.weights.ratio > LARGE

    @property
    def may_learn(self) -> bool:
        """Whether nothing measured speaks against a longer training."""
        return self.trial is None or self.trial.helps

    @property
    def surely_needed(self) -> int:
        """Steps back to what the answers need, at least: where a baseline says it and is unsure, the low end of its
        interval."""
        baseline = self.evidence.baseline
        low = (
            None
            if baseline is None or not self.assumed or baseline.interval is None
            else baseline.interval[0]
        )
        return self.needed if low is None or low >= CLEARLY * self.needed else low

    def vanishes(self, share: float = 1.0) -> bool:
        """Whether the gradient vanishes before it is back at what the answers surely need, or at a share of the way."""
        lag = self.vanishing_lag
        return lag is not None and lag < share * (self.surely_needed + self.question_steps)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The fault, "none", or "unknown" where the numbers do not tell.

    findings: the numbers that show it.
    """

    fault: Fault
    findings: Findings = field(repr=False)


def verdict_of(findings: Findings) -> Verdict:
    """The verdict: the first fault that the findings show, in the order in which one hides the next.

    A network whose answers reach as far back as they must, and are better than guesses, has no fault, whatever its
    gradients look like.
    """
    return Verdict(fault=_fault(findings), findings=findings)


def _fault(findings: Findings) -> Fault:
    quality = findings.evidence.quality
    if findings.evidence.unfit is not None:
        return "scale"
    if findings.target_fault is not None:
        return "targets"
    if findings.evidence.varies is not None:
        return "varies"
    if findings.evidence.mixed:
        return "mixed"
    if findings.evidence.constant and not findings.large_weights:
        return "saturated" if _saturated(findings) else "constant"
    if findings.contrary:
        return "contrary"
    held = findings.large_weights or _saturated(findings)
    if findings.evidence.bound is not None and not held:
        return "bounded"
    if findings.one_label and not held and not findings.evidence.padding_harms:
        return "constant"
    if findings.goes_by_answers and quality is not None:
        return _measured_fault(findings, findings.evidence, quality)
    enough = SOLVED if _exploding(findings) else HELPED
    reaches = findings.horizon >= findings.needed and findings.context_helps and findings.explained >= enough
    if reaches and not findings.guesses:
        return "none"
    if _exploding(findings):
        return "exploding"
    if findings.gated and _saturated(findings):
        return "saturated"
    if findings.assumed:
        return "unknown"
    return _not_learned(findings)


def _out_of_reach(quality: AnswerQuality | None) -> bool:
    """Whether the targets are numbers so far from 0 that the answers do not come near."""
    return (
        quality is not None
        and quality.kind == "explained"
        and quality.value < SOLVED
        and quality.spread > LARGE
    )


def _measured_fault(findings: Findings, evidence: Evidence, quality: AnswerQuality) -> Fault:
    """The fault by how good the answers are, and by what the baseline reads."""
    if evidence.good:
        return "none"
    if evidence.padding_harms:
        return "padding"
    # In one that has learnt anything, differences must last, and do no harm.
    if _grows(findings) and (quality.no_better_than_guessing or not math.isfinite(findings.decay)):
        return "exploding"
    # Where the loss still falls, saturated gates do not keep the network from learning, unless it is its input that
    # holds them there: then little of it can be told apart, however long the training.
    if findings.gated and _saturated(findings) and (findings.reads_large or not quality.unfinished):
        return "saturated"
    # Whatever its gradient looks like: it was not trained with it.
    if findings.as_drawn and (evidence.more or quality.no_better_than_guessing or quality.lost_on_long_rows):
        return "untrained"
    if quality.off_scale:
        return "scale"
    if findings.flat:
        return "untrained"
    if quality.limit is not None:
        return "extrapolates"
    more = evidence.more or quality.lost_on_long_rows
    # Good answers that could be better are those of a short training as well.
    by_heart = quality.surer_than_right and quality.skill < GOOD
    if by_heart and not (more and findings.vanishes(CLEARLY)):
        if not (evidence.more and _stops_short(findings)):
            return "overfitted"
        # Rows known by heart would make short new rows wrong, too.
        return "forgets" if quality.lost_on_long_rows and quality.short_skill >= GOOD else "unknown"
    fault: Fault = (
        "unknown" if not more else "untrained" if _reaches(findings, quality) else _not_learned(findings)
    )
    # Answers that are as sure as they are right tell a training that was too short from too few rows in no way.
    unfinished = quality.unfinished or quality.no_better_than_guessing or quality.lost_on_long_rows
    return "unknown" if fault == "untrained" and not (unfinished and findings.may_learn) else fault


def _reaches(findings: Findings, quality: AnswerQuality) -> bool:
    """Whether good answers rest on as many steps as are needed, as far as the rows can say: then nothing is forgotten,
    whatever the gradient looks like."""
    furthest = _furthest(findings)
    return furthest is not None and furthest >= findings.needed and quality.skill >= GOOD


def _stops_short(findings: Findings) -> bool:
    """Whether the answers rest on clearly fewer steps than are needed, as far as the rows can say: that a gradient
    arrives does not say that what it comes from is used."""
    furthest = _furthest(findings)
    return furthest is not None and furthest < CLEARLY * findings.needed


def _furthest(findings: Findings) -> int | None:
    """How many of the last steps answers rest on at most, with 95 % confidence; None where too few rows count."""
    interval = None if findings.rows is None else findings.rows.interval
    return None if interval is None else interval[1]


def _not_learned(findings: Findings) -> Fault:
    """What keeps a network from learning what is far back; "untrained" where nothing does.

    States of a network without gates that are stuck count only where the learning signal arrives nevertheless: else
    smaller weights would make it vanish sooner, and gates are the remedy.
    """
    if findings.vanishes() and not findings.as_drawn:
        return "forgets"
    if not findings.gated and _saturated(findings):
        return "saturated"
    return "untrained" if findings.may_learn or findings.as_drawn else "unknown"


def _grows(findings: Findings) -> bool:
    """Whether the gradient grows by e, and differences of the state with it: of pooled states, where earlier ones count
    in all later ones, the gradient grows alone."""
    if findings.explodes and not math.isfinite(findings.decay):
        return True
    return (_steep(findings) and findings.exponent * findings.needed > APART) or _apart(findings)


def _exploding(findings: Findings) -> bool:
    return _steep(findings) or _apart(findings)


def _steep(findings: Findings) -> bool:
    """Whether the gradient grows by e over the steps needed, or is not finite."""
    return findings.explodes and not findings.needed <= -findings.decay < math.inf


def _apart(findings: Findings) -> bool:
    return findings.exponent * findings.needed > GROWN


def _saturated(findings: Findings) -> bool:
    return findings.saturated is not None and findings.saturated > STUCK
