"""Follows a verdict's advice: the same model trained again, changed as it says, from three seeds."""

import inspect
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.verdicts.case import Case
from bench.verdicts.trained import trained

SEEDS, HELPS = (0, 1, 2), 0.02


def remember(case: Case) -> Case | None:
    """A gated cell, and chrono biases for the longest rows."""
    steps = getattr(case.problem, "steps", None)
    options = case.options | ({"cell": "GRU"} if case.options.get("cell") == "RNN" else {})
    return replace(case, options=options, setup=replace(case.setup, remember=steps))


def longer(case: Case) -> Case | None:
    """Four times the training steps, and 200 at least, on rows as long as those asked."""
    return replace(
        case, taught=None, setup=replace(case.setup, iterations=max(200, 4 * case.setup.iterations))
    )


def more_rows(case: Case) -> Case | None:
    return replace(case, setup=replace(case.setup, rows=2048))


def lengths(case: Case) -> Case | None:
    """The rows' lengths go into the model, if it can take them."""
    takes = "lengths" in inspect.signature(case.network.forward).parameters
    return replace(case, setup=replace(case.setup, lengths=True)) if takes else None


def smaller(case: Case) -> Case | None:
    """Inputs of about 1, weights as torch draws them, smaller steps, a clipped gradient, weight decay."""
    problem: Any = replace(case.problem, scale=1.0) if hasattr(case.problem, "scale") else case.problem
    setup = replace(case.setup, gain=1.0, gain_hh=1.0, clip=1.0, decay=0.01, rate=min(case.setup.rate, 0.01))
    return replace(case, problem=problem, setup=replace(setup, iterations=max(200, setup.iterations)))


def standardised(case: Case) -> Case | None:
    """Targets of mean 0 and variance 1; targets that are all alike have no remedy here."""
    return replace(case, spoilt=None) if case.spoilt == "scale" else None


REMEDIES: dict[str, Callable[[Case], Case | None]] = {
    "forgets": remember,
    "untrained": longer,
    "overfitted": more_rows,
    "padding": lengths,
    "saturated": smaller,
    "exploding": smaller,
    "data": standardised,
}


def followed(case: Case, claim: str) -> dict[str, Any]:
    """The mean scores on new rows before and after, and whether it helped; None where there is nothing to follow."""
    advised = REMEDIES[claim](case) if claim in REMEDIES else None
    if advised is None:
        return {"helped": None}
    before, after = ([trained(which, seed).tested.all for seed in SEEDS] for which in (case, advised))
    gain = statistics.mean(after) - statistics.mean(before)
    rounded = {"before": [round(value, 3) for value in before], "after": [round(value, 3) for value in after]}
    return rounded | {"helped": gain > HELPS}
