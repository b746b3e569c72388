"""Calibration: probabilities that are the shares of right labels, by a temperature of the logits.

Guo et al. (2017), "On calibration of modern neural networks", arXiv:1706.04599.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from ..wording import amount, count_of, percent
from .batched import numbers_of
from .measure import Metric

CALIBRATION_ERROR = Metric(name="calibration_error", title="calibration error", higher_is_better=False)
# Bins of equal width of the probability (Guo et al.).
BINS = 15
# Items that a temperature takes: that of n items is known to one part in the root of n times the variance of their
# logits, which is 0.41 where an answer of two has 95 %: with 50 items to a fifth. From fewer it says little of others.
FEWEST = 50
# Halvings of the bracket around the inverse temperature, by which it is known to float64's rounding.
_HALVINGS = 60


def calibration_error(probability: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """The expected calibration error: the mean distance of a bin's probability from its share of right labels.

    probability: of each item's predicted label. right: whether it was right. A bin counts by its items.
    Source: Naeini et al. (2015); Guo et al. (2017), equation 3.
    """
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    distance = np.bincount(bins, weights=probability - right, minlength=BINS)
    return float(np.abs(distance).sum() / len(probability))


def best_temperature(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float | None:
    """The number to divide the logits by for the least cross entropy; None where no number above 0 gives the least.

    logits: [items, labels]. There is none where every label is right, for the smaller the better, nor where the logits
    say less than nothing.
    """
    logits = logits.astype(np.float64)
    of_target = logits[np.arange(len(targets)), targets]

    def slope(inverse: float) -> float:
        """The derivative of the cross entropy, which is convex in the inverse temperature."""
        weights = np.exp(inverse * (logits - logits.max(1, keepdims=True)))
        return float(((weights * logits).sum(1) / weights.sum(1) - of_target).mean())

    if slope(0.0) >= 0 or (of_target == logits.max(1)).all():
        return None
    low, high = 0.0, 1.0
    while slope(high) < 0:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 1 / high


@torch.no_grad()
def calibrate(
    readout: nn.Linear, logits: Float[Tensor, "items labels"], targets: Sequence[int | None], unit: str
) -> str:
    """Divides the readout by the temperature that is best for these items, as `verdict` has it, and says so.

    logits: what it gives for the items. targets: the right labels' numbers; an item whose label the model lacks, None,
    does not count. unit: what an item is called ("texts").
    """
    labelled = [row for row, target in enumerate(targets) if target is not None]
    count = len(labelled)
    if count < FEWEST:
        return too_few(count, unit)
    scores = numbers_of(logits)[labelled]
    numbers = np.array([targets[row] for row in labelled], dtype=np.int64)
    temperature, items = best_temperature(scores, numbers), f"these {count_of(count, unit)}"
    if temperature is None:
        return no_best(scores.argmax(1) == numbers, items)
    before, after = (_error_at(divisor, scores, numbers) for divisor in (1.0, temperature))
    is_calibrated, sentence = verdict(temperature, before, after, items)
    if is_calibrated:
        divide(temperature, readout)
    return sentence


def too_few(count: int, unit: str) -> str:
    """A sentence that fewer than `FEWEST` items take no temperature. unit: what they are called ("texts")."""
    return f"Probabilities are not calibrated: that takes at least {FEWEST} {unit} (given: {count:,})."


def no_best(right: NDArray[np.bool_], items: str) -> str:
    """A sentence that no temperature is the best, and why. right: of each item, whether the model is. items: which."""
    reason = (
        "the model is right in all of them" if right.all() else "its scores do not tell what is right in them"
    )
    return f"Probabilities are left as they are: no temperature fits {items} best, for {reason}."


def verdict(temperature: float, before: float, after: float, items: str) -> tuple[bool, str]:
    """Whether a temperature with these calibration errors is taken, and a sentence that says so.

    It is not if the calibration error of the items would be no lower, for it is their cross entropy that it is fitted
    by. items: which ("these 80 texts").
    """
    degree = amount(temperature, 2 if temperature < 10 else 0)
    if after >= before:
        return False, (
            f"Probabilities are left as they are: with the temperature that fits {items} best, {degree}, the "
            f"calibration error would be {percent(after)}, and it is {percent(before)}."
        )
    return True, (
        f"Probabilities are calibrated on {items}: temperature {degree}, "
        f"calibration error {percent(before)} before and {percent(after)} after."
    )


@torch.no_grad()
def divide(temperature: float, *readouts: nn.Linear) -> None:
    """Divides what linear layers give."""
    for readout in readouts:
        readout.weight /= temperature
        readout.bias /= temperature


def _error_at(temperature: float, logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    probability, label = (torch.from_numpy(logits).double() / temperature).softmax(1).max(1)
    return calibration_error(probability.numpy(), label.numpy() == targets)
