"""Integrated gradients: the share of each token or write in an answer, through attention and layers, for any reader.

The answer's gradient is integrated along the straight path from a baseline of zeros to the input, and a share is the
mean gradient times the input. Sundararajan et al. (2017), arXiv:1703.01365. The shares sum to the difference of the two
ends but for the finite number of points, which `completeness` shows: look at it first, since along hundreds of
recurrent steps the gradient jumps. How the sum is divided depends on the path; what a token really does, leaving it out
shows (`leave_one_out_answers`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ..capture.layer_run import as_keepgate_layer
from ..compact_repr import compact_repr
from ..memory.direct_shares import attribute_over_time
from .reading import Reading, of_reading

# Numbers of points, tried in turn until all but a thousandth of the difference is accounted for.
POINTS, TOLERANCE = (8, 32, 128, 512), 1e-3
# Numbers of outputs worked on at once, in float64: with all that a backward pass keeps of them about 256 MiB.
AT_ONCE = 4_194_304

Margins = Callable[[Tensor], Float[Tensor, " rows"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegratedGradients:
    """Integrated gradients of an answer's margin, in its units, before the softmax; signed.

    margin:   the answer's score against the others, as the reader's head defines it (`Head.margin`).
    baseline: the margin at the baseline, where what has shares is zero.
    points:   at which the gradient was taken.
    """

    tokens: Float[Tensor, " tokens"]
    margin: float
    baseline: float
    points: int

    __repr__ = compact_repr

    @property
    def missing(self) -> float:
        """Difference between margin and baseline, less the sum of the shares."""
        return self.margin - self.baseline - float(self.tokens.sum())

    @property
    def completeness(self) -> float:
        """Sum of the shares over the difference between margin and baseline: 1 is all of it, NaN where it is 0."""
        difference = self.margin - self.baseline
        return float(self.tokens.sum()) / difference if difference else float("nan")


@of_reading
def token_integrated_gradients(
    reading: Reading, answer: str | None = None, *, points: int | None = None
) -> IntegratedGradients:
    """Integrated gradients of each token's input to the reading layers, through all of them; for any cell.

    The baseline is a text of the same length whose embeddings (and a span reader's other features) are all zero. The
    question stays as it is, unless it is read with the text: then its tokens have shares too.
    answer: None is the one that was given. points: None takes as many as `completeness` needs, up to 512.
    Raises KeyError for an answer that the reader cannot give, SettingsError for fewer than one point.
    """
    exact = as_keepgate_layer(reading.layer_run.layer).double()

    def margins(x: Tensor) -> Tensor:
        return reading.head.margins(exact(x)[0], answer)

    def by_token(gradient: Tensor, x: Tensor) -> Tensor:
        return (gradient * x[:, 0]).sum(1)

    return _integrated(margins, reading.layer_run.x.double(), by_token, points, reading)


@of_reading
def write_integrated_gradients(
    reading: Reading, answer: str | None = None, *, points: int | None = None
) -> IntegratedGradients:
    """Integrated gradients of each token's write in the last reading layer, by way of the memory.

    From the layer's outputs on to the answer the shares are integrated; from an output back to the writes they are the
    direct memory shares of `attribute`, which are exact. Where the answer is linear in the outputs, as for a reader of
    the last state, so is the whole; with attention its weights move along the path. The baseline is an output of zeros.
    Raises as `token_integrated_gradients` does, and CellError for a plain RNN, whose states are no sums of writes.
    """
    parts = reading.trace.layers[-reading.layer_run.layer.directions :]

    def margins(output: Tensor) -> Tensor:
        return reading.head.margins(output, answer)

    def by_token(gradient: Tensor, _: Tensor) -> Tensor:
        by_direction = gradient.unsqueeze(1).chunk(len(parts), 2)
        shares = [attribute_over_time(part, d) for part, d in zip(parts, by_direction, strict=True)]
        return torch.stack([attribution.writes[:, 0, 0].double() for attribution in shares]).sum(0)

    return _integrated(margins, reading.trace.output.double(), by_token, points, reading)


def _integrated(
    margins: Margins,
    inputs: Float[Tensor, "time 1 width"],
    by_token: Callable[[Tensor, Tensor], Float[Tensor, " tokens"]],
    points: int | None,
    reading: Reading,
) -> IntegratedGradients:
    """by_token: from the mean gradient along the path, [time, width], and the inputs to the shares."""
    if points is not None and points < 1:
        raise SettingsError(f"points is {points}; take the gradient at one point or more")
    counts = POINTS if points is None else (points,)
    size = max(inputs.numel(), reading.trace.output.numel())
    tokens, (margin, baseline), count = integrate(margins, inputs, by_token, counts, size)
    return IntegratedGradients(tokens=tokens, margin=margin, baseline=baseline, points=count)


def integrate(
    margins: Margins,
    inputs: Float[Tensor, "time 1 width"],
    split: Callable[[Tensor, Tensor], Tensor],
    counts: Sequence[int],
    size: int,
) -> tuple[Tensor, tuple[float, float], int]:
    """What `split` makes of the mean gradient and the inputs; the margins at both ends; the number of points.

    counts: tried in turn until all but `TOLERANCE` of the difference is accounted for.
    size:   of all that is computed at one point, in numbers.
    """
    inputs = inputs.detach()
    with torch.no_grad():
        margin, baseline = margins(torch.cat([inputs, torch.zeros_like(inputs)], 1)).tolist()
    for count in counts:
        shares = split(_mean_gradient(margins, inputs, count, max(1, AT_ONCE // size)), inputs)
        if abs(margin - baseline - float(shares.sum())) <= TOLERANCE * abs(margin - baseline):
            break
    return shares, (margin, baseline), count


def _mean_gradient(
    margins: Margins, inputs: Tensor, points: int, at_once: int
) -> Float[Tensor, "time width"]:
    """Mean of the gradient along the path from zero to the inputs, by Gauss–Legendre quadrature."""
    places, weights = np.polynomial.legendre.leggauss(points)
    factors = torch.from_numpy((places + 1) / 2).to(inputs.device)
    shares = torch.from_numpy(weights / 2).to(inputs.device)
    total = torch.zeros_like(inputs[:, 0])
    for start in range(0, points, at_once):
        batch = slice(start, start + at_once)
        on_path = (inputs * factors[batch].view(1, -1, 1)).requires_grad_()
        with torch.enable_grad():
            value = margins(on_path).sum()
        (gradient,) = torch.autograd.grad(value, on_path)
        total += torch.einsum("tnw,n->tw", gradient, shares[batch])
    return total
