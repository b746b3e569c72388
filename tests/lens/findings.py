"""Findings and the fault that each must be called."""

import dataclasses
import math

import torch

from keepgate.lens.diagnosis.answer_bounds import Bound
from keepgate.lens.diagnosis.answer_quality import AnswerQuality
from keepgate.lens.diagnosis.confusion import Confusion
from keepgate.lens.diagnosis.evidence import Evidence
from keepgate.lens.diagnosis.given_away import GivenAway
from keepgate.lens.diagnosis.norm_statistics import Unfit
from keepgate.lens.diagnosis.padding import Padding
from keepgate.lens.diagnosis.ridge_baseline import Baseline
from keepgate.lens.diagnosis.row_horizons import RowHorizons
from keepgate.lens.diagnosis.target_faults import Shift, Wild
from keepgate.lens.diagnosis.trial_training import Trial
from keepgate.lens.diagnosis.verdict import verdict_of
from keepgate.lens.diagnosis.weight_scale import WeightScale
from keepgate.lens.report import VerdictReport


def verdict(findings):
    return VerdictReport(**vars(verdict_of(findings)))


HEALTHY = {
    "needed": 100, "horizon": 120, "context_helps": True, "explained": 0.8, "vanishing_lag": None, "decay": 80.0,
    "explodes": False, "exponent": -0.01, "half_life": 70.0, "saturated": 0.3, "gated": True,
}  # fmt: skip


def quality(value, kind="accuracy", **more):
    return AnswerQuality(**{"kind": kind, "value": value, "guess": 0.25, "error": 0.02, "rows": 400, **more})


def measured(value, baseline=None, **more):
    """What is found where nobody said how far back the answers lie."""
    answers = value if isinstance(value, AnswerQuality) else quality(value)
    return {"horizon": 3, "assumed": True, "evidence": Evidence(quality=answers, baseline=baseline, **more)}


def reach(*horizons, right=True, interval=(9, 12)):
    """Row horizons as they are measured."""
    return RowHorizons(
        horizons=torch.tensor(horizons), contexts=tuple(range(1, 41)), interval=interval, right=right
    )


UNGATED = {"gated": False, "half_life": None, "saturated": None}
READ = Padding(side="end", share=0.4, read=True, lengths=torch.tensor([3, 5, 9]), rows=[])
THIRDS = {"short": 0.98, "long": 0.41}
SURE = quality(0.5, sure=0.97, excess=0.4)
CONTRARY = quality(0.04, guess=0.5, sure=0.95, excess=0.91, chance=0.5)
BEFORE = dataclasses.replace(READ, side="start")
MISPLACED = dataclasses.replace(BEFORE, misplaced=True)
TAGGED = dataclasses.replace(READ, read=False, targets=0.37)
WILD = Wild(count=5, rows=240, share=0.97)
NEAR = Baseline(skill=0.9, needed=40, interval=(36, 44), by_steps=((1, 0.0), (2, 0.4), (3, 0.5), (40, 0.9)))
FLAT = quality(0.001, "explained", guess=0, sure=0.0009, spread=1.0, deviation=1.0, scale=9, scale_error=0.1)
CYCLE = Confusion(exchanged=((1, 2), (2, 1)))
NEVER = Confusion(never=((3, 0.1),), unlikely=3, labels=4, others=0.97)
RARE = Confusion(never=((3, 0.03),), labels=4, others=0.97)
DRAWN, LARGE = WeightScale(ratio=1.0, as_drawn=True), WeightScale(ratio=70.4, as_drawn=False)
SHORT = quality(0.7, sure=0.95, excess=0.25, **THIRDS, limit=12)
# What a classifier whose forget gates were closed after training shows: its gradient still arrives.
SURE_NEAR = measured(
    quality(0.7, sure=0.97, excess=0.25, short=0.96, long=0.5), Baseline(skill=1.0, needed=40)
) | {"needed": 40}
# Answers that are too small by half, as those of a network whose training has not come to its end.
SMALL = quality(0.7, scale=1.5, scale_error=0.05)
READ_BY = measured(quality(0.7), Baseline(skill=0.9, needed=40), padding=READ, without=quality(0.8))
ALL = Baseline(skill=1.0, needed=12)
HELPS, IDLE = Trial(steps=5, fell=0.31, helps=True), Trial(steps=20, fell=0.004, helps=False)
UNFIT = Unfit(name="norm", channel=1, kept_mean=0.02, kept_deviation=1.0, mean=40.0, deviation=12.0)
FLOOR, CEILING = Bound(bound=0.0, below=True, share=0.48), Bound(bound=1.0, below=False, share=0.4)
OFF = quality(-10, "explained", guess=0, sure=0.25, excess=0.1)
ONE = Confusion(only=(2, 0.31), never=((1, 0.35), (0, 0.34)), labels=3)
NEARLY = WeightScale(ratio=1.0, as_drawn=False, nearly=True)
WIDE = Baseline(skill=0.9, needed=11, interval=(2, 19))
FAR, NOTHING = Baseline(skill=0.9, needed=40, interval=(36, 44)), Baseline(skill=0.05, needed=None)

TABLE = [
    ({}, "none", "the last 120 steps, and what they need is 100 away"),
    ({"explodes": True, "exponent": 0.2, "decay": -5.0}, "none", "nothing is wrong"),
    ({"explodes": True, "exponent": 0.2, "decay": -5.0, "explained": 0.2}, "exploding", "grows by e in 5.0 steps"),
    ({"horizon": 3, "exponent": 0.1, "saturated": 0.9}, "exploding", "grow by 10.5% a step"),
    ({"horizon": 3, "exponent": 0.01}, "untrained", "the last 3 steps only"),
    ({"horizon": 3, "saturated": 0.9, "vanishing_lag": 4}, "saturated", "90% of the time"),
    ({"horizon": 3, "vanishing_lag": 23, "half_life": 6.5}, "forgets", "gone after 23 steps, the answers are 100 away"),
    ({"horizon": 3, "vanishing_lag": 23}, "forgets", "chrono initialisation, T = 100"),
    ({"horizon": 3, "vanishing_lag": 23} | UNGATED, "forgets", "use an LSTM"),
    ({"horizon": 3, "vanishing_lag": 23} | UNGATED | {"saturated": 0.9}, "forgets", "use an LSTM"),
    ({"horizon": 3} | UNGATED | {"saturated": 0.9}, "saturated", "its states stand near -1 or 1 90% of the time"),
    ({"horizon": 3, "vanishing_lag": 108, "question_steps": 10}, "forgets", "gone after 108 steps"),
    ({"horizon": 3, "vanishing_lag": 112, "question_steps": 10}, "untrained", "reaches 112 steps back"),
    ({"horizon": 3}, "untrained", "the last 3 steps only, of 100"),
    ({"horizon": 3, "vanishing_lag": 110}, "untrained", "reaches 110 steps back"),
    ({"context_helps": False}, "untrained", "reading more does not make the loss fall"),
    ({"explained": 0.05}, "untrained", "reading more does not make the loss fall"),
    ({"loss": 5.37, "guess": 2.77}, "untrained", "no better than guesses (they cost 5.37 nats, guessing 2.77)"),
    ({"loss": 2.76, "guess": 2.77}, "none", "nothing is wrong"),
    ({"loss": 9.0}, "none", "nothing is wrong"),
    ({"loss": 5.37, "guess": 2.77, "context_helps": False}, "untrained", "reading more does not make the loss fall"),
    ({"loss": 0.2, "guess": 1.1, "horizon": 3, "assumed": True}, "unknown", "nobody said how far back"),
    ({"loss": 0.2, "guess": 1.1, "horizon": 3}, "untrained", "the last 3 steps only"),
    ({"loss": 5.37, "guess": 2.77, "horizon": 3}, "untrained", "the last 3 steps only"),
    (measured(0.97), "none", "97% of 400 answers are right (guessing: 25%); nothing is seen to be wrong"),
    (measured(0.97) | {"explodes": True, "decay": -5.0}, "none", "the last 3 steps"),
    (measured(0.9, FAR), "none", "nothing is seen to be wrong"),
    (measured(0.7, FAR) | {"vanishing_lag": 23}, "forgets", "gone after 23 steps"),
    (measured(SMALL, WIDE) | {"vanishing_lag": 7, "needed": 11}, "untrained", "reaches 7 steps back"),
    (measured(SMALL, FAR) | {"vanishing_lag": 50, "needed": 40}, "untrained", "last 40 steps (95%: 36 to 44; 90%"),
    (measured(SMALL, FAR), "untrained", "reaches as far as was measured"),
    (measured(0.27, FAR), "untrained", "reaches as far as was measured"),
    (measured(quality(0.7, scale=1.5, scale_error=0.2), FAR), "unknown", "as sure as they are right"),
    (measured(0.7, FAR), "unknown", "as sure as they are right"),
    (measured(0.88, ALL) | {"vanishing_lag": 9, "needed": 12, "rows": reach(3, 11)}, "unknown", "as sure as they"),
    (measured(0.88, ALL) | {"vanishing_lag": 9, "needed": 13, "rows": reach(3, 11)}, "forgets", "gone after 9 steps"),
    (measured(0.7, FAR) | {"saturated": 0.9}, "saturated", "the gates stand at their ends at least 90% of"),
    (measured(SMALL, FAR) | {"saturated": 0.9}, "untrained", "train longer"),
    (measured(SMALL, FAR) | {"saturated": 0.9, "input_size": 3e3}, "saturated", "before the layer gives it numbers of"),
    (measured(SMALL, FAR) | {"saturated": 0.9, "input_size": 3e3, "given_size": 1}, "saturated", "before the layer"),
    (measured(SMALL, FAR) | {"saturated": 0.9, "input_size": 3e3, "given_size": 3e3}, "saturated", "about 3,000"),
    (measured(SMALL, FAR) | {"saturated": 0.9, "input_size": 3e3, "given_size": 3e3, "large_columns": ((4, 5e3),)},
     "saturated", "numbers of about 3,000 (in column 4: 5,000): subtract"),
    (measured(0.7, FAR) | {"saturated": 1.0}, "saturated", "the gates stand at their ends all the time, where"),
    (measured(0.7, FAR) | {"saturated": 0.996, "weights": LARGE}, "saturated", "all the time, since the weights"),
    (measured(0.27, FAR) | {"exponent": 0.1, "weights": LARGE}, "exploding", "a lower learning rate (such as 0.001"),
    (measured(0.27, FAR) | {"weights": LARGE}, "untrained", "train longer"),
    (measured(0.27, FAR) | {"weights": LARGE, "vanishing_lag": 1} | UNGATED, "forgets", "70 times as large"),
    (measured(0.27, FAR) | {"weights": DRAWN}, "untrained", "whether the optimiser was given them"),
    (measured(0.27, FAR) | {"weights": DRAWN, "vanishing_lag": 23}, "untrained", "is gone after 23 steps, and the"),
    (measured(0.7, FAR) | {"weights": DRAWN}, "untrained", "what stands behind the layer was trained"),
    (measured(0.27, NOTHING) | {"weights": DRAWN}, "untrained", "spread as they are first drawn"),
    (measured(0.7, NOTHING) | {"weights": DRAWN}, "unknown", "finds nothing in the rows either"),
    ({"horizon": 3, "weights": DRAWN}, "untrained", "training has hardly moved them"),
    ({"horizon": 3, "vanishing_lag": 23, "weights": DRAWN}, "untrained", "begin with chrono initialisation, T = 100"),
    (measured(SHORT, FAR) | {"vanishing_lag": 3}, "extrapolates", "rows of more than 12 steps are answered worse"),
    ({"evidence": Evidence(quality=SHORT)}, "extrapolates", "train on rows as long as these"),
    (measured(dataclasses.replace(SHORT, limit=None), FAR) | {"vanishing_lag": 3}, "forgets", "after 3 steps"),
    (measured(SMALL, FAR) | {"saturated": 0.5, "input_size": 3000.0}, "untrained", "train longer"),
    (measured(0.27, FAR) | UNGATED | {"saturated": 0.9}, "saturated", "near -1 or 1 90% of the time"),
    (measured(0.27, FAR) | UNGATED | {"saturated": 0.9, "vanishing_lag": 23}, "forgets", "use an LSTM"),
    (measured(0.27, FAR) | {"explodes": True, "decay": -5.0, "exponent": 0.02}, "exploding", "by e in 5.0 steps"),
    (measured(SMALL, FAR) | {"explodes": True, "decay": -5.0, "exponent": 0.02}, "untrained", "train longer"),
    (measured(SMALL, FAR) | {"explodes": True, "decay": -5.0}, "untrained", "train longer"),
    (measured(0.7, FAR) | {"explodes": True, "decay": math.nan}, "exploding", "no number any more"),
    (measured(quality(0.4, sure=0.85, excess=0.45), FAR) | {"vanishing_lag": 23}, "forgets", "after 23 steps"),
    (measured(quality(0.4, sure=0.85, excess=0.45), FAR) | {"vanishing_lag": 90}, "overfitted", "85% sure"),
    (SURE_NEAR | {"rows": reach(3, 14, interval=(11, 19))}, "forgets", "lie within the last 14 steps (95%: 11 to 19)"),
    (SURE_NEAR | {"rows": reach(3, 14, interval=(11, 19))} | UNGATED, "forgets", "use an LSTM"),
    (SURE_NEAR | {"rows": reach(3, 36, interval=(30, 40))}, "overfitted", "97% sure"),
    (SURE_NEAR | {"rows": None}, "overfitted", "97% sure"),
    (measured(quality(0.87, sure=0.99, excess=0.12), Baseline(skill=1.0, needed=3)) | {"needed": 3}, "unknown",
     "if it is right much more often there, train on more rows"),
    (measured(SURE, FAR) | {"rows": reach(1, interval=(1, 1)), "needed": 40}, "unknown", "forgets or learnt its rows"),
    (measured(SURE) | {"rows": reach(1, interval=(1, 1)), "needed": 40}, "overfitted", "97% sure"),
    (measured(0.7, FAR, padding=READ, without=quality(0.8)), "padding", "40.0% of all steps is padding"),
    (measured(0.7, FAR, padding=READ, without=quality(0.8)), "padding", "attended to, and train again."),
    (READ_BY | {"head": "last"}, "padding", "take each row's state at its own last step, and train again."),
    (READ_BY | {"head": "mean"}, "padding", "average the states of each row's own steps alone, and"),
    (READ_BY | {"head": "maximum"}, "padding", "set the states of padding to -inf before the maximum, and"),
    (READ_BY | {"head": "weights", "both": True}, "padding", "before the softmax; and pack them, since"),
    (measured(0.7, FAR, padding=READ, without=quality(0.97)), "padding", "it need not be trained again."),
    (measured(0.7, FAR, padding=READ, without=quality(0.9, **THIRDS)), "padding", "and train again."),
    (measured(0.97, padding=READ, without=quality(0.8)), "none", "nothing is seen to be wrong"),
    ({"evidence": Evidence(quality=quality(0.9, **THIRDS))}, "untrained", "41% in the longest; the learning signal"),
    ({"evidence": Evidence(quality=quality(0.97))}, "none", "and what they need is 100 away"),
    (measured(quality(0.9, **THIRDS)), "untrained", "98% in the shortest third of the rows and 41% in the longest"),
    (measured(quality(0.9, **THIRDS)) | {"vanishing_lag": 23}, "forgets", "41% in the longest"),
    (measured(quality(0.4, sure=0.85, excess=0.45), baseline=FAR), "overfitted", "85% sure on average"),
    (measured(quality(0.1, "explained", guess=0, sure=0.9, excess=0.8)), "overfitted", "by 80% of the targets"),
    (measured(quality(0.4, sure=0.45, excess=0.05), baseline=NOTHING), "unknown", "finds nothing in the rows either"),
    (measured(SMALL, FAR) | {"explodes": True, "decay": -50.0}, "untrained", "train longer"),
    (measured(0.27, NOTHING) | {"horizon": 1}, "unknown", "depend on the last 1 step, and"),
    (measured(0.27, NOTHING), "unknown", "a linear baseline finds nothing in the rows either"),
    (measured(0.7, Baseline(skill=0.6, needed=9)), "unknown", "do not tell why not more"),
    (measured(quality(-60, "explained", guess=0, spread=1010)), "targets", "numbers of about 1,010"),
    (measured(quality(0.9, "explained", guess=0, spread=1010)), "none", "explain 90% of the variance"),
    (measured(0.97) | {"rows": reach(3, 9, 11)}, "none", "right answers lie within the last 11 steps (95%: 9"),
    (measured(0.97) | {"rows": reach(1, 1)}, "none", "within the last 1 step (95%"),
    (measured(0.97) | {"rows": reach(3, 5, right=False)}, "none", "90% of the answers lie within the last 5 steps"),
    (measured(0.97) | {"rows": reach(3, 9, interval=None)}, "none", "cannot be said from 2 rows"),
    (measured(CONTRARY, FAR), "contrary", "look whether labels or signs are exchanged"),
    ({"evidence": Evidence(quality=CONTRARY)}, "contrary", "4% of 400 answers are right"),
    (measured(dataclasses.replace(CONTRARY, rows=6)), "overfitted", "95% sure"),
    (measured(dataclasses.replace(CONTRARY, short=0.9, long=0.0)) | {"vanishing_lag": 3}, "forgets", "gone after 3"),
    (measured(quality(-60, "explained", guess=0, spread=1010), constant=True), "targets", "about 1,010"),
    (measured(quality(0, "explained", guess=0, sure=0.0005, excess=0.0129)), "unknown", "do not tell why"),
    (measured(quality(-0.001, "explained", guess=0)), "unknown", "the answers explain 0% of the variance"),
    ({"evidence": Evidence(mixed=True, constant=True)}, "mixed", "set batch_first"),
    ({"evidence": Evidence(constant=True)}, "constant", "the answers stay the same whatever is read"),
    (measured(quality(0.25), FAR, constant=True) | {"explodes": True}, "constant", "weights of zeros"),
    (measured(quality(0.25), FAR, constant=True) | {"exponent": 0.2, "weights": LARGE}, "exploding", "70 times"),
    (measured(quality(0.25), FAR, constant=True) | {"saturated": 0.9}, "saturated", "90% of the time"),
    ({"evidence": Evidence(alike=True)}, "targets", "all targets are the same"),
    ({"evidence": Evidence(alike=True, each_step=True)}, "targets", "end the rows where the targets differ"),
    (measured(0.3, FAR, by_length=0.9), "untrained", "lengths alone tell the targets (90% of the way"),
    (measured(0.97, by_length=0.9), "none", "if the length is not what decides"),
    (measured(0.97, away=GivenAway(column=None, same=True, skill=1.0)), "none", "what the model reads at the same"),
    (measured(0.97, away=GivenAway(column=2, same=False, skill=0.98)), "none", "Column 2 at the last step alone tells"),
    (measured(0.97, probabilities=5), "none", "the loss of 5 classes stays above 0.90"),
    (measured(0.97, padding=TAGGED), "none", "37.0% of the targets stand in padding and are all alike"),
    (measured(0.97) | {"begun": True}, "none", "has read this one step alone: its state at the first step"),
    (measured(0.3, FAR) | {"begun": True, "vanishing_lag": 3}, "forgets", "it says nothing of what lies 100 steps"),
    (measured(0.3, FAR, by_length=0.7), "untrained", "train longer"),
    (measured(FLAT, FAR, wild=WILD), "targets", "5 of 240 targets lie so far from the others that 97%"),
    (measured(quality(0.9, "explained", guess=0), wild=WILD), "none", "nothing is seen to be wrong"),
    (measured(quality(-60, "explained", guess=0, spread=1010), wild=WILD), "targets", "97% of the variance"),
    (measured(FLAT, NEAR), "untrained", "(their standard deviation is 0.03 and that of the targets 1)"),
    (measured(FLAT, NEAR) | {"vanishing_lag": 3}, "untrained", "if the shapes were right, train longer"),
    (measured(FLAT, NEAR) | {"vanishing_lag": 2}, "forgets", "compares each answer with every target."),
    (measured(FLAT, NEAR) | {"vanishing_lag": 3, "weights": DRAWN}, "untrained", "training has hardly moved them"),
    (measured(0.3, FAR, shift=Shift(places=1, over="steps", skill=0.98)), "targets", "fit the targets 1 step later"),
    (measured(0.3, FAR, shift=Shift(places=-2, over="rows", skill=0.98)), "targets", "fit the targets 2 rows before"),
    (measured(0.3, FAR, shift=Shift(places=-1, over="steps", skill=0.98)), "targets", "the targets 1 step before"),
    (measured(0.3, FAR, shift=Shift(places=1, over="rows", skill=0.98)), "targets", "the targets 1 row later"),
    (measured(0.3, FAR, confusion=CYCLE), "contrary", "answered for each other (1 as 2 and 2 as 1)"),
    (measured(quality(0.3, **THIRDS), FAR, confusion=CYCLE) | {"vanishing_lag": 3}, "forgets", "gone after 3 steps"),
    (measured(0.7, FAR, confusion=NEVER), "targets", "never answered nor likely: label 3 (10% of the targets)"),
    (measured(0.3, NOTHING, confusion=dataclasses.replace(NEVER, others=0.2)), "unknown", "Never answered: label 3"),
    (measured(0.3, NOTHING, confusion=dataclasses.replace(NEVER, unlikely=None)), "unknown", "Never answered: label"),
    (measured(0.3, FAR, confusion=RARE) | {"vanishing_lag": 3}, "forgets", "or train on shorter texts first."),
    (measured(0.97, confusion=RARE), "none", "Never answered: label 3 (3%"),
    (measured(0.3, FAR, varies="state", constant=True, mixed=True), "varies", "keeps something from call to call"),
    ({"evidence": Evidence(varies="chance")}, "varies", "dropout that is always on"),
    (measured(0.3, NOTHING, padding=BEFORE, without=quality(0.3)), "unknown", "finds nothing in the rows either"),
    (measured(0.3, FAR, padding=MISPLACED), "padding", "their lengths are counted from there, so that 40.0%"),
    (measured(0.97, padding=MISPLACED), "none", "nothing is seen to be wrong"),
    (measured(0.27, FAR) | {"trial": HELPS}, "untrained", "5 steps of Adam on half of these rows take 31% of the loss"),
    (measured(quality(0.9, **THIRDS)) | {"trial": HELPS}, "untrained", "train longer, and on rows as long as these;"),
    (measured(0.27, FAR) | {"trial": IDLE}, "unknown", "change the loss on the other half by -0% only"),
    ({"horizon": 3, "trial": IDLE}, "unknown", "the cause was not found"),
    (measured(0.27, FAR) | {"trial": IDLE, "weights": DRAWN}, "untrained", "training has hardly moved them"),
    (measured(0.27, FAR) | {"vanishing_lag": 9, "weights": NEARLY}, "untrained", "whether the gradient is clipped"),
    (measured(0.7, FAR) | {"vanishing_lag": 9, "weights": NEARLY}, "forgets", "gone after 9 steps"),
    (measured(OFF, FAR), "scale", "11 times that of always answering the mean (the answers' standard deviation is 0.5"),
    (measured(OFF, FAR) | {"given_size": 41.76}, "scale", "these rows (numbers of about 41.8) are scaled"),
    (measured(OFF, FAR, unfit=UNFIT), "scale", "keeps a mean of 0.02 and a standard deviation of 1 in channel 1"),
    (measured(quality(0.46, "explained", guess=0), FAR, bound=FLOOR), "bounded", "below 0 and many stand there, while"),
    (measured(quality(0.46, "explained", guess=0), FAR, bound=CEILING), "bounded", "no answer is above 1 and many"),
    (measured(quality(0.27, sure=0.97, excess=0.4), FAR, confusion=ONE), "constant", "label 2 (31% of the targets) is"),
    (measured(quality(0.27, sure=0.97, excess=0.4), FAR, confusion=ONE, padding=READ, without=quality(0.8)), "padding",
     "40.0% of all steps"),
    (measured(quality(0.46, "explained", guess=0), FAR, bound=FLOOR) | {"saturated": 0.9}, "saturated", "90% of the"),
    (measured(0.27, FAR, confusion=ONE) | {"vanishing_lag": 9}, "forgets", "every row; the learning signal is gone"),
    (measured(0.27, FAR) | {"vanishing_lag": 5, "detached": 5}, "forgets", "detaches its states every 5 steps"),
    (measured(0.3, FAR, padding=BEFORE, without=quality(0.97)), "padding", "at the rows' starts, and the answers are"),
]  # fmt: skip
