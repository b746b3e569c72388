"""Integrated gradients: what each token or write adds to an answer, through everything between, for every reader.

The answer's slope is taken all along a straight way from nothing to what was there, and the
shares are the mean slope times the way. Sundararajan et al. (2017), arXiv:1703.01365. They sum to the whole difference
between the two ends, through attention, several layers and a second reading too, but for the finite number of points,
which `completeness` shows. Where the way is rough they may be far from all of it: through hundreds of recurrent steps
the slope jumps (tokens through all layers), so look at that figure first. How the sum is divided depends on the way:
what a token really does, leaving it out says (`leave_one_out_answers`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ..capture.layer_run import as_keepgate_layer
from ..compact_repr import compact_repr
from ..memory.direct_shares import attribute_over_time
from .reading import Reading

# Points on the way, tried in turn until all but a thousandth of the difference is accounted for.
POINTS, ENOUGH = (8, 32, 128, 512), 1e-3
# Numbers of outputs worked on at once, in float64: with all that a backward pass keeps of them about 256 MiB.
AT_ONCE = 4_194_304

Margins = Callable[[Tensor], Float[Tensor, " rows"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegratedGradients:
    """What each token adds to what speaks for an answer, before the softmax; signed, in the units of `margin`.

    margin:  what speaks for the answer against the others, as the reader's head says (`Head.margin`).
    nothing: the same where there is nothing: zeros in place of what the shares are of.
    points:  on the way between the two at which the slope was taken.
    """

    tokens: Float[Tensor, " tokens"]
    margin: float
    nothing: float
    points: int

    __repr__ = compact_repr

    @property
    def missing(self) -> float:
        """What of the difference between margin and nothing the shares do not account for."""
        return self.margin - self.nothing - float(self.tokens.sum())

    @property
    def completeness(self) -> float:
        """How much of that difference they sum to: 1 is all of it. NaN where there is none."""
        whole = self.margin - self.nothing
        return float(self.tokens.sum()) / whole if whole else float("nan")


def token_integrated_gradients(
    reading: Reading, answer: str | None = None, *, points: int | None = None
) -> IntegratedGradients:
    """What each token, as the reader's layers were given it, adds to an answer, through all of them; any cell.

    Nothing is a text of the same length whose embeddings (and a span reader's other features) are all zero. The
    question stays as it is, unless it is read with the text: then its tokens have shares too.
    answer: None is the one that was given. points: None takes as many as `completeness` needs, up to 512.
    Raises KeyError for an answer that the reader cannot give, SettingsError for fewer than one point.
    """
    exact = as_keepgate_layer(reading.seen.layer).double()

    def margins(x: Tensor) -> Tensor:
        return reading.head.margins(exact(x)[0], answer)

    return _shares(
        margins, reading.seen.x.double(), lambda slope, x: (slope * x[:, 0]).sum(1), points, reading
    )


def write_integrated_gradients(
    reading: Reading, answer: str | None = None, *, points: int | None = None
) -> IntegratedGradients:
    """What each token's write, in the last layer that read the text, adds to an answer by way of the memory.

    From the layer's outputs on to the answer the shares are integrated; from an output back to the writes they are the
    direct memory shares of `attribute`, which are exact. Where the answer is a sum of outputs, as for a reader of the
    last state, so is the whole; with attention its weights move along the way. Nothing is a memory that shows nothing.
    Raises as `token_integrated_gradients` does, and CellError for a plain RNN, whose states are no sums of writes.
    """
    parts = reading.trace.layers[-reading.seen.layer.directions :]

    def margins(output: Tensor) -> Tensor:
        return reading.head.margins(output, answer)

    def split(slope: Tensor, _: Tensor) -> Tensor:
        ways = slope.unsqueeze(1).chunk(len(parts), 2)
        shares = [attribute_over_time(part, way) for part, way in zip(parts, ways, strict=True)]
        return torch.stack([each.writes[:, 0, 0].double() for each in shares]).sum(0)

    return _shares(margins, reading.trace.output.double(), split, points, reading)


def _shares(
    margins: Margins,
    given: Float[Tensor, "time 1 width"],
    split: Callable[[Tensor, Tensor], Float[Tensor, " tokens"]],
    points: int | None,
    reading: Reading,
) -> IntegratedGradients:
    if points is not None and points < 1:
        raise SettingsError(f"points is {points}; take the slope at one point or more")
    given = given.detach()
    with torch.no_grad():
        ends = margins(torch.cat([given, torch.zeros_like(given)], 1)).tolist()
    at_once = max(1, AT_ONCE // max(given.numel(), reading.trace.output.numel()))
    for tried in POINTS if points is None else (points,):
        tokens = split(_mean_slope(margins, given, tried, at_once), given)
        found = IntegratedGradients(tokens=tokens, margin=ends[0], nothing=ends[1], points=tried)
        if abs(found.missing) <= ENOUGH * abs(found.margin - found.nothing):
            break
    return found


def _mean_slope(margins: Margins, given: Tensor, points: int, at_once: int) -> Float[Tensor, "time width"]:
    """The mean of the slope along the way from zero to what is given, by Gauss and Legendre's points."""
    places, weights = np.polynomial.legendre.leggauss(points)
    factors = torch.from_numpy((places + 1) / 2).to(given.device)
    shares = torch.from_numpy(weights / 2).to(given.device)
    total = torch.zeros_like(given[:, 0])
    for start in range(0, points, at_once):
        taken = slice(start, start + at_once)
        there = (given * factors[taken].view(1, -1, 1)).requires_grad_()
        with torch.enable_grad():
            value = margins(there).sum()
        (slope,) = torch.autograd.grad(value, there)
        total += torch.einsum("tnw,n->tw", slope, shares[taken])
    return total
