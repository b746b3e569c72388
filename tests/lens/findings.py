"""Findings and the fault that each must be called."""

from keepgate.lens.diagnosis.verdict import verdict_of
from keepgate.lens.report import VerdictReport


def verdict(findings):
    return VerdictReport(**vars(verdict_of(findings)))


HEALTHY = {
    "needed": 100, "horizon": 120, "context_helps": True, "explained": 0.8, "vanishing_lag": None, "decay": 80.0,
    "explodes": False, "exponent": -0.01, "half_life": 70.0, "saturated": 0.3, "gated": True,
}  # fmt: skip

TABLE = [
    ({}, "none", "the last 120 steps, and what they need is 100 away"),
    ({"explodes": True, "exponent": 0.2, "decay": -5.0}, "none", "nothing is wrong"),
    ({"explodes": True, "exponent": 0.2, "decay": -5.0, "explained": 0.2}, "exploding", "grows by e in 5.0 steps"),
    ({"horizon": 3, "exponent": 0.1, "saturated": 0.9}, "exploding", "grow by 10.5% a step"),
    ({"horizon": 3, "exponent": 0.01}, "untrained", "the last 3 steps only"),
    ({"horizon": 3, "saturated": 0.9, "vanishing_lag": 4}, "saturated", "90% of the time"),
    ({"horizon": 3, "vanishing_lag": 23, "half_life": 6.5}, "forgets", "gone after 23 steps, the answers are 100 away"),
    ({"horizon": 3, "vanishing_lag": 23}, "forgets", "chrono initialisation, T = 100"),
    (
        {"horizon": 3, "vanishing_lag": 23, "gated": False, "half_life": None, "saturated": None},
        "forgets", "use an LSTM",
    ),
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
    ({"loss": 0.6, "guess": 1.1, "horizon": 3, "assumed": True}, "untrained", "the last 3 steps only"),
    ({"loss": 5.37, "guess": 2.77, "horizon": 3}, "untrained", "the last 3 steps only"),
]  # fmt: skip
