"""Direct memory shares: how much of an answer each step's write carries, an exact and signed split.

An answer that is a direction d of the output, d · h_T = Σ over units of d · r · c_T with r = h / c (for a GRU 1), is
the sum of what the writes left in c_T. For an LSTM that is equal to LRP-all: Arras et al. (2019), arXiv:1909.12114.
Direct, because later gates and writes depend on a token too, by way of h. A trained network uses that way: on stories
the ranks of the direct shares agree with what dropping each write does to 0.2 (LSTM) and 0.6 (GRU), those of
`write_influence` to 0.95 and 0.94 (`bench/lens.py`). What a write really did an intervention shows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import Expr, evaluate
from ...errors import CellError, ShapeError
from ...nn.trace import LayerTrace, Trace
from ..compact_repr import compact_repr
from .additive import memory_updates


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """What each step's write adds to each answer, in the answer's own units.

    writes:  signed; 0 in padding. Time is the text's own.
    initial: what the state before the first step adds.
    total:   the answers themselves, d · h, computed from the output and not from the shares.
    """

    writes: Float[Tensor, "time batch answers"]
    initial: Float[Tensor, "batch answers"]
    total: Float[Tensor, "batch answers"]

    __repr__ = compact_repr

    @property
    def sum(self) -> Float[Tensor, "batch answers"]:
        """What all shares come to."""
        return self.writes.sum(0) + self.initial

    @property
    def missing(self) -> Float[Tensor, "batch answers"]:
        """What of the answer the shares do not account for: 0 to rounding, where the split is exact."""
        return self.total - self.sum

    @property
    def completeness(self) -> Float[Tensor, "batch answers"]:
        """How much of the answer the shares sum to: 1 where they are exact. NaN where the answer is 0."""
        return self.sum / self.total

    def __add__(self, other: "Attribution") -> "Attribution":
        """The shares of a sum of two answers, such as one's two directions of reading."""
        return Attribution(
            writes=self.writes + other.writes,
            initial=self.initial + other.initial,
            total=self.total + other.total,
        )


def attribute(
    layer: LayerTrace,
    direction: Float[Tensor, "... output"],
    *,
    attention: Float[Tensor, "time batch"] | None = None,
) -> Attribution:
    """What each step's write of one layer and direction adds to `direction · output`.

    direction: [answers, output], or [batch, answers, output] for one a row; the rows of a readout, for example.
    attention: the weight with which each step's output is read. None reads the output after the last step that was
               read: the row's own end, for a reverse direction its first step. With weights, which are taken as they
               are, the answer is Σ over t of weight_t · direction · h_t.
    Raises CellError for a cell whose memory is no sum of writes or whose output does not vanish with it, ShapeError
    for a direction of another size.
    """
    d = _by_row(layer, direction)
    weights = _read_at_end(layer) if attention is None else _fits(layer, attention)
    shown = shown_of_memory(layer)
    inner = (d if layer.weight_hr is None else d @ layer.weight_hr).double()

    def counts(t: int) -> Tensor | None:
        here = weights[t]
        return (here.unsqueeze(1) * shown[t]).double().unsqueeze(1) * inner if bool(here.any()) else None

    read = torch.einsum("tb,tbp->bp", weights.double(), layer[layer.cell.states[0]].double())
    return _split(layer, counts, torch.einsum("bp,bkp->bk", read, d.double()))


def attribute_over_time(layer: LayerTrace, direction: Float[Tensor, "time batch output"]) -> Attribution:
    """What each step's write adds to Σ over t of direction_t · h_t, each step's output read in its own direction.

    Exact, as `attribute` is, and raises as it does. One answer.
    """
    output = layer[layer.cell.states[0]]
    if direction.shape != output.shape:
        raise ShapeError(
            f"direction is {list(direction.shape)}, expected {list(output.shape)}, as the output"
        )
    real = direction * layer.is_real().unsqueeze(2)
    inner = (real if layer.weight_hr is None else real @ layer.weight_hr.to(real.dtype)).double()
    weighted = inner * shown_of_memory(layer).double()
    total = (real.double() * output.double()).sum((0, 2)).unsqueeze(1)
    return _split(layer, lambda t: weighted[t].unsqueeze(1), total)


def _split(
    layer: LayerTrace, counts: Callable[[int], Tensor | None], total: Float[Tensor, "batch answers"]
) -> Attribution:
    """The writes' shares of an answer for which a unit of the memory counts so much at a step of the text's time."""
    writes = memory_updates(layer)
    keep, write = writes.read(writes.keep), writes.read(writes.write)
    steps, rows, units = write.shape
    shares = write.new_empty(steps, rows, total.shape[1], dtype=torch.float64)
    ahead = write.new_zeros(rows, total.shape[1], units, dtype=torch.float64)
    # What a unit of the state will count for the answer, found from the end of reading backwards.
    for t in reversed(range(steps)):
        if t + 1 < steps:
            ahead = ahead * keep[t + 1].double().unsqueeze(1)
        here = counts(steps - 1 - t if writes.reverse else t)
        if here is not None:
            ahead = ahead + here
        shares[t] = torch.einsum("bh,bkh->bk", write[t].double(), ahead)
    start = ahead * keep[0].double().unsqueeze(1)
    return Attribution(
        writes=writes.read(shares).to(write.dtype),
        initial=torch.einsum("bh,bkh->bk", writes.initial.double(), start).to(write.dtype),
        total=total.to(write.dtype),
    )


def attribute_last(
    trace: Trace,
    direction: Float[Tensor, "... output"],
    *,
    attention: Float[Tensor, "time batch"] | None = None,
) -> Attribution:
    """`attribute` for the last layer's output, both directions together where there are two.

    direction: [answers, directions · units], forwards first. Without attention each direction is read at its own end.
    Exact with respect to what the last layer wrote; what the layers below it did is inside those writes.
    """
    way = trace.layer(-1)
    if len(trace.layers) < 2 or not trace.layers[-1].reverse:
        return attribute(way, direction, attention=attention)
    units = way[way.cell.states[0]].shape[-1]
    if direction.shape[-1] != 2 * units:
        raise ShapeError(
            f"direction is over {direction.shape[-1]} units, but both directions have {2 * units}"
        )
    forwards, backwards = direction[..., :units], direction[..., units:]
    return attribute(way, forwards, attention=attention) + attribute(
        trace.layer(-1, reverse=True), backwards, attention=attention
    )


def shown_of_memory(layer: LayerTrace) -> Float[Tensor, "time batch hidden"]:
    """What a unit of the memory shows of itself in the output before any projection: h / c, and its limit at c = 0.

    LSTM: o tanh(c) / c, between 0 and 1. GRU: 1. Raises CellError where the output does not vanish with the memory.
    """
    cell, graph = layer.cell, layer.cell.graph
    memory, output = graph.next[cell.memory_state], graph.next[cell.states[0]]
    if cell.memory_state not in cell.analysis.output_slopes:
        raise CellError(
            f"the output of {cell.name} is not zero where its memory {cell.memory_state} is, so that its answer is no "
            "sum of what was written there"
        )
    state = layer[cell.memory_state]
    if output is memory:
        return torch.ones_like(state)
    known: dict[Expr, Tensor] = {node: layer[name] for name, node in graph.traced.items()}
    known |= {graph.next[name]: layer[name] for name in cell.states[1:]}
    shown, slope = evaluate([output, cell.analysis.output_slopes[cell.memory_state]], known)
    empty = state == 0
    shown = torch.where(empty, slope, shown / state.masked_fill(empty, 1))
    return shown.masked_fill(~layer.is_real().unsqueeze(2), 0)


def weight_at_end(layer: LayerTrace, direction: Float[Tensor, " output"]) -> Float[Tensor, "batch hidden"]:
    """What one unit of the memory counts for `direction · output` at each row's end of reading."""
    shown = torch.einsum("tb,tbh->bh", _read_at_end(layer), shown_of_memory(layer))
    return shown * (direction if layer.weight_hr is None else direction @ layer.weight_hr)


def _by_row(layer: LayerTrace, direction: Tensor) -> Tensor:
    _, rows, units = layer[layer.cell.states[0]].shape
    wanted = direction.unsqueeze(0).expand(rows, -1, -1) if direction.dim() == 2 else direction
    if wanted.dim() != 3 or wanted.shape[0] != rows or wanted.shape[2] != units:
        raise ShapeError(
            f"direction is {list(direction.shape)}, expected [answers, {units}] or [{rows}, answers, {units}]"
        )
    return wanted


def _fits(layer: LayerTrace, attention: Tensor) -> Tensor:
    expected = layer[layer.cell.states[0]].shape[:2]
    if attention.shape != expected:
        raise ShapeError(f"attention is {list(attention.shape)}, expected [time, batch], {list(expected)}")
    return attention * layer.is_real()


def _read_at_end(layer: LayerTrace) -> Tensor:
    """1 at the step that each row read last, 0 elsewhere."""
    real = layer.is_real()
    last = real.clone()
    if layer.reverse:
        last[1:] = False
    else:
        last[:-1] &= ~real[1:]
    return last.to(layer[layer.cell.memory_state].dtype)
