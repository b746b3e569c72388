"""Best labels and marginals of one text of any length, in numpy, whose operators cost less a step than torch's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.functions import logsumexp, softmax

Array = NDArray[Any]
# Texts of more steps are worth computing in another way than short ones.
LONG = 4096
# Products of probabilities below this have lost digits, or are 0.
_LEAST = 1e-200


def best_path(scores: Sequence[Array], emissions: Array) -> list[int]:
    """The most probable sequence of labels (Viterbi algorithm).

    scores: of the first label, of moving [from, to], and of the last label. emissions: [time, labels].
    """
    start, between, end = scores
    best, backwards = start + emissions[0], np.ascontiguousarray(between.T)
    origins = np.empty((len(emissions) - 1, len(start)), np.int32)
    places = np.arange(len(start))
    for step in range(1, len(emissions)):
        values = backwards + best
        origin = origins[step - 1] = values.argmax(1)
        best = values[places, origin] + emissions[step]
    path = [int((best + end).argmax())]
    for origin in reversed(origins.tolist()):
        path.append(origin[path[-1]])
    return path[::-1]


def marginals(scores: Sequence[Array], emissions: Array) -> Array:
    """[time, labels]: p(label at the step | text), by the forward-backward algorithm.

    Arguments as of `best_path`. Of a short text they are computed as torch does, in log space and the scores' dtype.
    """
    start, between, end = scores
    if len(emissions) <= LONG:
        return _in_logs(start, between, end, emissions)
    parts = [part.astype(np.float64) for part in (start, between, end, emissions)]
    with np.errstate(under="ignore"):
        shares = _scaled(parts[0], parts[1], parts[2], parts[3])
    return _in_logs(start, between, end, emissions) if shares is None else shares.astype(emissions.dtype)


def _scaled(start: Array, between: Array, end: Array, emissions: Array) -> Array | None:
    """With probabilities scaled to the sum 1 at each step; None where all of a step are too small for that."""
    potentials = np.exp(emissions - emissions.max(1, keepdims=True))
    moves = np.exp(between - between.max())
    forward, backward = np.empty_like(potentials), np.empty_like(potentials)
    forward[0] = np.exp(start - start.max()) * potentials[0]
    backward[-1] = np.exp(end - end.max())
    for step in range(1, len(potentials)):
        alpha = forward[step - 1] @ moves * potentials[step]
        forward[step] = alpha / max(alpha.sum(), _LEAST)
    back = np.ascontiguousarray(moves.T)
    for step in range(len(potentials) - 2, -1, -1):
        beta = (potentials[step + 1] * backward[step + 1]) @ back
        backward[step] = beta / max(beta.sum(), _LEAST)
    together = forward * backward
    sums = together.sum(1, keepdims=True)
    return together / sums if (sums > _LEAST).all() else None


def _in_logs(start: Array, between: Array, end: Array, emissions: Array) -> Array:
    """The same in log space, for scores that differ by hundreds of nats; slower."""
    alphas, betas = [start + emissions[0]], [end]
    for emission in emissions[1:]:
        alphas.append(logsumexp(alphas[-1][:, None] + between, 0) + emission)
    for emission in emissions[:0:-1]:
        betas.append(logsumexp(between + (emission + betas[-1]), 1))
    return softmax(np.stack(alphas) + np.stack(betas[::-1]), 1)
