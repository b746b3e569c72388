"""Integrated gradients: the share of each token or write in an answer, through attention and layers, for any reader.

The answer's gradient is integrated along the straight path from a baseline of zeros to the input, and a share is the
mean gradient times the input. Sundararajan et al. (2017), arXiv:1703.01365. The shares sum to the difference of the two
ends but for the finite number of points, which `completeness` shows: look at it first, since along hundreds of
recurrent steps the gradient jumps. How the sum is divided depends on the path; what a token really does, leaving it out
shows (`leave_one_out_answers`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ..capture.layer_run import as_keepgate_layer
from ..compact_repr import compact_repr
from ..memory.direct_shares import attribute_over_time
from .reading import Reading, of_reading

# Points on a piece of the path, and on all of it at most, which is cut until all but a thousandth of the difference is
# accounted for.
PIECE, MOST, TOLERANCE = 8, 512, 1e-3
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
    question stays as it is, unless it is read with the text: then its tokens have shares too. What a question that is
    read first adds to the text's embeddings counts with each token.
    answer: None is the one that was given. points: None takes as many as `completeness` needs, where it needs them, up
            to 512.
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
    size = max(inputs.numel(), reading.trace.output.numel())
    tokens, (margin, baseline), count = integrate(margins, inputs, by_token, size, points=points)
    return IntegratedGradients(tokens=tokens, margin=margin, baseline=baseline, points=count)


def integrate(
    margins: Margins,
    inputs: Float[Tensor, "time 1 width"],
    split: Callable[[Tensor, Tensor], Tensor],
    size: int,
    *,
    most: int = MOST,
    points: int | None = None,
) -> tuple[Tensor, tuple[float, float], int]:
    """What `split` makes of the mean gradient and the inputs; the margins at both ends; the number of points.

    The path is halved where the gradient misses most of the margin's difference, so that points stand where a margin
    jumps, until the pieces miss less than `TOLERANCE` of the whole difference together.
    size: of all that is computed at one point, in numbers. most: points. points: take so many on the path as one piece.
    """
    inputs = inputs.detach()
    at_once = max(1, AT_ONCE // size)
    baseline, margin = _margins(margins, inputs, [0.0, 1.0], at_once)
    allowed = TOLERANCE * abs(margin - baseline)
    fresh = [_Piece(start=0.0, end=1.0, rise=margin - baseline)]
    pieces: list[_Piece] = []
    point_count = 0
    while fresh:
        count = points or PIECE
        for piece, gradient in zip(fresh, _gradients(margins, inputs, fresh, count, at_once), strict=True):
            piece.gradient = gradient
            piece.missing = abs(piece.rise - float((gradient * inputs[:, 0]).sum()))
        pieces, point_count = pieces + fresh, point_count + count * len(fresh)
        if points is not None or sum(piece.missing for piece in pieces) <= allowed:
            break
        # What misses less than its part need not be halved.
        worst = sorted(pieces, key=lambda piece: -piece.missing)[: max(0, most - point_count) // (2 * PIECE)]
        halved = [piece for piece in worst if piece.missing > allowed / (2 * len(pieces))]
        pieces = [piece for piece in pieces if piece not in halved]
        fresh = _halves(margins, inputs, halved, at_once) if halved else []
    mean = torch.stack([piece.gradient for piece in pieces]).sum(0)
    return split(mean, inputs), (margin, baseline), point_count


@dataclass(kw_only=True, eq=False)
class _Piece:
    """A piece of the path: how much the margin rises on it, the gradient's integral over it, and what that misses."""

    start: float
    end: float
    rise: float
    gradient: Float[Tensor, "time width"] = field(default_factory=lambda: torch.zeros(0, 0))
    missing: float = 0.0


def _halves(margins: Margins, inputs: Tensor, pieces: Sequence[_Piece], at_once: int) -> list[_Piece]:
    edges = [edge for piece in pieces for edge in (piece.start, (piece.start + piece.end) / 2, piece.end)]
    values = _margins(margins, inputs, edges, at_once)
    return [
        _Piece(start=edges[k], end=edges[k + 1], rise=values[k + 1] - values[k])
        for first in range(0, len(edges), 3)
        for k in (first, first + 1)
    ]


@torch.no_grad()
def _margins(margins: Margins, inputs: Tensor, places: Sequence[float], at_once: int) -> list[float]:
    """The margins at places on the path, 0 to 1."""
    factors = torch.tensor(places, dtype=inputs.dtype, device=inputs.device)
    return [
        value
        for batch in torch.split(factors, max(2, at_once))
        for value in margins(inputs * batch.view(1, -1, 1)).tolist()
    ]


def _gradients(
    margins: Margins, inputs: Tensor, pieces: Sequence[_Piece], points: int, at_once: int
) -> Float[Tensor, "pieces time width"]:
    """Integrals of the gradient over pieces of the path from zero to the inputs, by Gauss–Legendre quadrature."""
    places, weights = (torch.from_numpy(part / 2) for part in np.polynomial.legendre.leggauss(points))
    starts, widths = (
        torch.tensor([getattr(piece, name) for piece in pieces], dtype=torch.float64)
        for name in ("start", "end")
    )
    widths = widths - starts
    factors = (starts.unsqueeze(1) + widths.unsqueeze(1) * (places + 0.5)).flatten().to(inputs.device)
    shares = (widths.unsqueeze(1) * weights).flatten().to(inputs.device)
    total = inputs.new_zeros(len(pieces), *inputs[:, 0].shape)
    number = torch.arange(len(pieces), device=inputs.device).repeat_interleave(points)
    for start in range(0, len(factors), at_once):
        batch = slice(start, start + at_once)
        on_path = (inputs * factors[batch].view(1, -1, 1)).requires_grad_()
        with torch.enable_grad():
            value = margins(on_path).sum()
        (gradient,) = torch.autograd.grad(value, on_path)
        total.index_add_(0, number[batch], gradient.transpose(0, 1) * shares[batch].view(-1, 1, 1))
    return total
