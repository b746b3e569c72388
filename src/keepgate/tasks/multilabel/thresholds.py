"""The threshold of each label, from which probability on it is given: what is best for F1 on a dev set."""

import numpy as np
from numpy.typing import NDArray

USUAL = 0.5
# A label that fewer texts have keeps its threshold: what is best for so few says little of others.
FEWEST = 5


def best_thresholds(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_], before: NDArray[np.floating]
) -> NDArray[np.float64]:
    """For each label the threshold with the highest F1, between two probabilities; of equal ones the nearest to 0.5.

    probabilities, truth: [texts, labels]. before: the thresholds that stay where hardly any text has a label.
    """
    return np.array(
        [
            _best(shares.astype(np.float64), right, threshold) if right.sum() >= FEWEST else threshold
            for shares, right, threshold in zip(probabilities.T, truth.T, before, strict=True)
        ],
        np.float64,
    )


def _best(shares: NDArray[np.float64], right: NDArray[np.bool_], before: float) -> float:
    order = np.argsort(-shares, kind="stable")
    shares, hits = shares[order], np.cumsum(right[order])
    predicted_positives = np.arange(1, len(shares) + 1)
    next_below = np.append(shares[1:], 0.0)
    thresholds = np.append((shares + next_below) / 2, before)
    f1 = 2 * hits / (predicted_positives + hits[-1])
    among = shares >= before
    number = int(among.sum())
    f1 = np.append(f1, f1[number - 1] if number else 0.0)
    # Between two texts of equal probability there is no threshold.
    f1[:-1][shares == next_below] = -1.0
    best = np.flatnonzero(f1 == f1.max())
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - USUAL))]])
