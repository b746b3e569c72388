"""Direct memory shares: how much of a readout each step's write carries along the memory; an exact and signed split.

A readout d · h_T = Σ over units of d · r · c_T, with the ratio r = h / c (1 in a GRU), is the sum of what the writes
left in c_T. For an LSTM it equals LRP-all: Arras et al. (2019), arXiv:1909.12114. Direct, because later gates and
writes depend on a token too, through h, and trained networks use that path: on stories the rank correlation with
ablated writes is 0.2 (LSTM) and 0.6 (GRU) for the direct shares, 0.95 and 0.94 for `write_influence` (`bench/lens.py`).
What a write really did, an ablation shows (`lens.interventions`).
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
    """Attribution of readouts ("answers") to the writes, in each answer's own units.

    writes:  share of each step's write, signed; 0 in padding. Steps are the input's.
    initial: share of the state before the first step.
    total:   the answers themselves, d · h, computed from the output and not from the shares.
    """

    writes: Float[Tensor, "time batch answers"]
    initial: Float[Tensor, "batch answers"]
    total: Float[Tensor, "batch answers"]

    __repr__ = compact_repr

    @property
    def sum(self) -> Float[Tensor, "batch answers"]:
        """Sum of all shares."""
        return self.writes.sum(0) + self.initial

    @property
    def missing(self) -> Float[Tensor, "batch answers"]:
        """Answer minus the sum of the shares: 0 to rounding, where the split is exact."""
        return self.total - self.sum

    @property
    def completeness(self) -> Float[Tensor, "batch answers"]:
        """Sum of the shares over the answer: 1 where they are exact; NaN where the answer is 0."""
        return self.sum / self.total

    def __add__(self, other: "Attribution") -> "Attribution":
        """Attribution of the sum of two answers, such as those of both directions of a layer."""
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
    """Direct shares of `direction · output` of one layer and direction.

    direction: [answers, output], such as the rows of a readout, or [batch, answers, output].
    attention: the weight with which each step's output is read: the answer is Σ over t of weight_t · direction · h_t,
               the weights constant. None reads each row's output at its end of reading, which in a reverse direction
               is its first step.
    Raises CellError for a cell without an additive memory or whose output does not vanish with it, ShapeError for a
    direction or weights of another shape.
    """
    d = _by_row(layer, direction)
    weights = _end_of_reading(layer) if attention is None else _masked(layer, attention)
    ratio = output_ratio(layer)
    d_inner = (d if layer.weight_hr is None else d @ layer.weight_hr).double()

    def d_memory(t: int) -> Tensor | None:
        if not bool(weights[t].any()):
            return None
        return (weights[t].unsqueeze(1) * ratio[t]).double().unsqueeze(1) * d_inner

    read_output = torch.einsum("tb,tbp->bp", weights.double(), layer[layer.cell.states[0]].double())
    return _attribution(layer, d_memory, torch.einsum("bp,bkp->bk", read_output, d.double()))


def attribute_over_time(layer: LayerTrace, direction: Float[Tensor, "time batch output"]) -> Attribution:
    """Direct shares of Σ over t of direction_t · h_t, where each step's output has a direction of its own; one answer.

    Exact, and raises, as `attribute`.
    """
    output = layer[layer.cell.states[0]]
    if direction.shape != output.shape:
        raise ShapeError(
            f"direction is {list(direction.shape)}, expected {list(output.shape)}, as the output"
        )
    d = direction * layer.is_real().unsqueeze(2)
    d_inner = (d if layer.weight_hr is None else d @ layer.weight_hr.to(d.dtype)).double()
    d_memory = d_inner * output_ratio(layer).double()
    total = (d.double() * output.double()).sum((0, 2)).unsqueeze(1)
    return _attribution(layer, lambda t: d_memory[t].unsqueeze(1), total)


def _attribution(
    layer: LayerTrace, d_memory: Callable[[int], Tensor | None], total: Float[Tensor, "batch answers"]
) -> Attribution:
    """Shares of answers that read the memory after step t with the weights d_memory(t), [batch, answers, hidden]."""
    updates = memory_updates(layer)
    keep, write = updates.reading_order(updates.keep), updates.reading_order(updates.write)
    steps, rows, units = write.shape
    shares = write.new_empty(steps, rows, total.shape[1], dtype=torch.float64)
    # The answers' derivative by the memory after each step, accumulated from the end of reading backwards.
    d_after = write.new_zeros(rows, total.shape[1], units, dtype=torch.float64)
    for t in reversed(range(steps)):
        if t + 1 < steps:
            d_after = d_after * keep[t + 1].double().unsqueeze(1)
        d_read = d_memory(steps - 1 - t if updates.reverse else t)
        if d_read is not None:
            d_after = d_after + d_read
        shares[t] = torch.einsum("bh,bkh->bk", write[t].double(), d_after)
    d_initial = d_after * keep[0].double().unsqueeze(1)
    return Attribution(
        writes=updates.reading_order(shares).to(write.dtype),
        initial=torch.einsum("bh,bkh->bk", updates.initial.double(), d_initial).to(write.dtype),
        total=total.to(write.dtype),
    )


def attribute_last(
    trace: Trace,
    direction: Float[Tensor, "... output"],
    *,
    attention: Float[Tensor, "time batch"] | None = None,
) -> Attribution:
    """`attribute` for the last layer's output, both directions together where there are two.

    direction: [answers, directions · units], forward first. Without attention each direction is read at its own end.
    Exact with respect to what the last layer wrote; the layers below it are inside those writes.
    """
    forward = trace.layer(-1)
    if len(trace.layers) < 2 or not trace.layers[-1].reverse:
        return attribute(forward, direction, attention=attention)
    units = forward[forward.cell.states[0]].shape[-1]
    if direction.shape[-1] != 2 * units:
        raise ShapeError(
            f"direction is over {direction.shape[-1]} units, but both directions have {2 * units}"
        )
    by_direction = zip((forward, trace.layer(-1, reverse=True)), direction.chunk(2, -1), strict=True)
    first, second = (attribute(layer, part, attention=attention) for layer, part in by_direction)
    return first + second


def output_ratio(layer: LayerTrace) -> Float[Tensor, "time batch hidden"]:
    """Ratio of the output, before any projection, to the memory: h / c, and its limit at c = 0; 0 in padding.

    LSTM: o tanh(c) / c, 0 to 1. GRU: 1. Raises CellError where the output does not vanish with the memory.
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
    values: dict[Expr, Tensor] = {node: layer[name] for name, node in graph.traced.items()}
    values |= {graph.next[name]: layer[name] for name in cell.states[1:]}
    output_value, slope = evaluate([output, cell.analysis.output_slopes[cell.memory_state]], values)
    empty = state == 0
    ratio = torch.where(empty, slope, output_value / state.masked_fill(empty, 1))
    return ratio.masked_fill(~layer.is_real().unsqueeze(2), 0)


def _by_row(layer: LayerTrace, direction: Tensor) -> Tensor:
    _, rows, units = layer[layer.cell.states[0]].shape
    by_row = direction.unsqueeze(0).expand(rows, -1, -1) if direction.dim() == 2 else direction
    if by_row.dim() != 3 or by_row.shape[0] != rows or by_row.shape[2] != units:
        raise ShapeError(
            f"direction is {list(direction.shape)}, expected [answers, {units}] or [{rows}, answers, {units}]"
        )
    return by_row


def _masked(layer: LayerTrace, attention: Tensor) -> Tensor:
    expected = layer[layer.cell.states[0]].shape[:2]
    if attention.shape != expected:
        raise ShapeError(f"attention is {list(attention.shape)}, expected [time, batch], {list(expected)}")
    return attention * layer.is_real()


def _end_of_reading(layer: LayerTrace) -> Tensor:
    """One-hot over time: 1 at the step that each row reads last; [time, batch]."""
    real = layer.is_real()
    last = real.clone()
    if layer.reverse:
        last[1:] = False
    else:
        last[:-1] &= ~real[1:]
    return last.to(layer[layer.cell.memory_state].dtype)
