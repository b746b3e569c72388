"""Additive memory updates: what each step wrote, what is retained of it later, and which step forgot it; exact sums.

A state with s_t = a_t s_{t-1} + b_t is a sum of what was written: s_t = S(0, t) s_0 + sum over s of S(s, t) b_s, where
S(s, t) is the product of a after s up to t. Murdoch & Szlam (2017), arXiv:1702.02540. Which state that is, and its a
and b, are found in the cell's equations. "Before" and "after" are meant in the order of reading; a reverse
direction reads backwards. Times are the text's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import AdditiveUpdate, Cell, Expr, evaluate, topological
from ...errors import CellError, ShapeError, nearest_first
from ...nn.trace import LayerTrace
from ..compact_repr import compact_repr

# Numbers worked on at once: 16 MiB of float64, which a processor's cache nearly holds.
AT_ONCE = 2_097_152


@dataclass(frozen=True, kw_only=True, eq=False)
class MemoryUpdates:
    """One state of one layer and direction as keep · (state before) + write, at every step.

    keep:    the factor a, 0 (drop) to 1 (keep) in all cells with gates; 0 where the state was cleared, 1 in padding.
    write:   b, what the step adds; 0 in padding.
    unwritten: what a would be if the gate that writes were shut; a itself but where one gate does both (GRU: 1).
    initial: the state before the first step.
    state:   its name in the trace. reverse: the direction that reads the last step first.
    """

    keep: Float[Tensor, "time batch hidden"]
    write: Float[Tensor, "time batch hidden"]
    keep_without_write: Float[Tensor, "time batch hidden"]
    initial: Float[Tensor, "batch hidden"]
    state: str
    reverse: bool

    __repr__ = compact_repr

    def place(self, step: int) -> int:
        """Where a step of the text comes in the order of reading. Raises ShapeError for a step that is not there."""
        steps = len(self.keep)
        if not -steps <= step < steps:
            raise ShapeError(f"step is {step}, but {steps} were read; it can be 0 to {steps - 1}")
        step %= steps
        return steps - 1 - step if self.reverse else step

    def read(self, values: Tensor) -> Tensor:
        """Values over time from the text's order into that of reading, and back."""
        return values.flip(0) if self.reverse else values


def memory_updates(layer: LayerTrace, state: str | None = None) -> MemoryUpdates:
    """How a state was carried through a text: what each step kept of it, and what it wrote.

    state: one that the cell carries; None takes its memory (LSTM c, GRU h).
    Raises CellError for a state that no factor carries, as in a plain RNN, where the gradient is the measure.
    """
    cell = layer.cell
    name = cell.memory_state if state is None else state
    found = _carried(cell, name)
    if layer.weight_hr is not None and name == cell.states[0]:
        raise CellError(
            f"the state {name} is projected at each step, so that it is no sum of what was written"
        )
    keep = _evaluated(found.keep, layer)
    if keep is None:
        raise CellError(
            f"what keeps the state {name} of {cell.name} does not follow from what its trace names; name the factor "
            f"{found.keep!r} in the Step that the cell returns"
        )
    write = _evaluated(found.write, layer)
    if write is None:  # not all of it is named: what the step added is what was not there before
        write = layer[name] - keep * layer.state_before(name)
    keep_without_write = (
        None if found.keep_without_write is found.keep else _evaluated(found.keep_without_write, layer)
    )
    factors = [keep] if keep_without_write is None else [keep, keep_without_write]
    if layer.resets is not None:
        cleared = layer.was_cleared().unsqueeze(2)
        factors = [factor.masked_fill(cleared, 0) for factor in factors]
    if layer.lengths is not None:
        padding = ~layer.is_real().unsqueeze(2)
        factors = [factor.masked_fill(padding, 1) for factor in factors]
        write = write.masked_fill(padding, 0)
    return MemoryUpdates(
        keep=factors[0], write=write, keep_without_write=factors[-1], initial=layer.initial[name], state=name,
        reverse=layer.reverse,
    )  # fmt: skip


def retained_at(writes: MemoryUpdates, step: int | None = None) -> Float[Tensor, "time batch hidden"]:
    """S(s, step) for every s: the share of each step's write that is left in the state after `step`, 0 to 1.

    0 for what was read later. None is the end of reading. In logarithms, which a gate that closes altogether makes
    minus infinity and the share 0; computed in float64.
    """
    keep = writes.read(writes.keep)
    last = len(keep) - 1 if step is None else writes.place(step)
    share = torch.zeros_like(keep)
    for units in _blocks(keep):
        share[:last, :, units] = _products(keep[1 : last + 1, :, units].flip(0)).flip(0)
    share[last] = 1
    return writes.read(share)


def retention_of(writes: MemoryUpdates, step: int) -> Float[Tensor, "time batch hidden"]:
    """S(step, t) for every t: the share of this step's write that is left in the state after t; 0 before it."""
    keep = writes.read(writes.keep)
    first = writes.place(step)
    share = torch.zeros_like(keep)
    share[first] = 1
    for units in _blocks(keep):
        share[first + 1 :, :, units] = _products(keep[first + 1 :, :, units])
    return writes.read(share)


def initial_retained(writes: MemoryUpdates, step: int | None = None) -> Float[Tensor, "batch hidden"]:
    """The share of the state before the first step that is left after `step`; None is the end of reading."""
    keep = writes.read(writes.keep)
    last = len(keep) - 1 if step is None else writes.place(step)
    return keep[: last + 1].double().prod(0).to(keep.dtype)


def forgotten_from(writes: MemoryUpdates, step: int) -> Float[Tensor, "time batch hidden"]:
    """E[step, t] for every t: how much of this step's write the step t erased, in the state's own units.

    E[s, t] = S(s, t-1) (1 - a_t) b_s. All that was erased and what is left at the end make the write.
    """
    left = writes.read(retention_of(writes, step))
    before = torch.cat([torch.zeros_like(left[:1]), left[:-1]])
    gone = before * (1 - writes.read(writes.keep)) * writes.write[step]
    return writes.read(gone)


def forgotten_at(writes: MemoryUpdates, step: int) -> Float[Tensor, "time batch hidden"]:
    """E[s, step] for every s: how much of each earlier write this step erased, in the state's own units."""
    if writes.place(step) == 0:
        return torch.zeros_like(writes.write)
    step %= len(writes.keep)
    before = step + 1 if writes.reverse else step - 1
    return retained_at(writes, before) * (1 - writes.keep[step]) * writes.write


def forgetting_blocks(
    writes: MemoryUpdates, direction: Float[Tensor, "... hidden"], *, block: int = 256, gone: float = 0.0
) -> Iterator[tuple[slice, slice, Float[Tensor, "written erasing batch"]]]:
    """E[s, t] seen from one direction, Σ over units of direction · E, in blocks: (which s, which t, the block).

    Nothing of size time² × hidden is ever held: from one block of steps to another it is one product a row. Blocks
    come by s, then t, in the order of reading; slices are of the text's own time, so that a block can be put into a
    matrix [time, time, batch] as it is.

    direction: [hidden], or [batch, hidden] for one a row: what a unit of the state counts, such as
               `direct_shares.weight_at_end`. gone: leave out later blocks once no share of the write is above this.
    """
    keep, write = writes.read(writes.keep), writes.read(writes.write)
    steps = len(keep)
    valued = (write * direction).double()
    for start in range(0, steps, block):
        stop = min(start + block, steps)
        # What is left of each write after the block's last step, and before each later step.
        yield (
            _slice(writes, start, stop),
            _slice(writes, start, stop),
            _both(writes, _within(keep, valued, start, stop)),
        )
        left = _products(_ones_before(keep[start + 1 : stop].flip(0))).flip(0)
        for later in range(stop, steps, block):
            if float(left.abs().max()) <= gone:
                break
            end = min(later + block, steps)
            ahead = _products(_ones_before(keep[later:end]))
            closing = ahead[:-1] * (1 - keep[later:end].double())
            found = torch.einsum("sbh,tbh->stb", valued[start:stop] * left, closing)
            yield _slice(writes, start, stop), _slice(writes, later, end), _both(writes, found)
            left = left * ahead[-1]


def states_from_updates(writes: MemoryUpdates) -> Float[Tensor, "time batch hidden"]:
    """The state after every step, from what was kept and written alone: the sum that all shares are shares of."""
    return writes.read(scan(writes.read(writes.keep), writes.read(writes.write), writes.initial))


def scan(
    keep: Float[Tensor, "time batch hidden"],
    write: Float[Tensor, "time batch hidden"],
    initial: Float[Tensor, "batch hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """s_t = keep_t s_{t-1} + write_t from the first step to the last, elementwise."""
    states = [initial]
    for kept, written in zip(keep.unbind(), write.unbind(), strict=True):
        states.append(torch.addcmul(written, kept, states[-1]))
    return torch.stack(states[1:])


def _carried(cell: Cell, state: str) -> AdditiveUpdate:
    if state not in cell.states:
        raise CellError(
            f"{cell.name} has no state {state!r}; it has {', '.join(nearest_first(state, cell.states))}"
        )
    if state not in cell.additive:
        others = ", ".join(cell.additive)
        raise CellError(
            f"nothing carries the state {state} of {cell.name} from step to step by a factor, so that there is no sum "
            "of what was written to take apart: each step makes all of it anew; "
            + (
                f"ask for {others}, which it carries"
                if others
                else "see lens.gradients, what it still depends on"
            )
        )
    return cell.additive[state]


def _evaluated(expression: Expr, layer: LayerTrace) -> Tensor | None:
    """An expression's value at every step, from what the trace shows; None where it needs more than that."""
    graph = layer.cell.graph
    known = {node: layer[name] for name, node in graph.traced.items() if name in layer}
    below = topological([expression], stop=known)
    known |= {node: layer.state_before(name) for name, node in graph.previous.items() if node in below}
    if any(node.op in ("symbol", "product") and node not in known for node in below):
        return None
    (value,) = evaluate([expression], known)
    like = layer[layer.cell.memory_state]
    return value if isinstance(value, Tensor) else like.new_full((), value).expand_as(like)


def _blocks(values: Tensor) -> list[slice]:
    """Units taken at once, so that what is worked on beside the result stays small."""
    steps, rows, units = values.shape
    width = max(1, AT_ONCE // max(1, steps * rows))
    return [slice(start, start + width) for start in range(0, units, width)]


def _products(keep: Tensor) -> Tensor:
    """The products of the first, the first two, … steps in float64; exactly 0 after a gate that closed altogether."""
    size = keep.double().abs().log_().cumsum(0).exp_()
    if bool((keep < 0).any()):
        size *= keep.sign().double().where(keep != 0, 1.0).cumprod(0)
    return size


def _ones_before(keep: Tensor) -> Tensor:
    return torch.cat([keep.new_ones(1, *keep.shape[1:]), keep])


def _within(keep: Tensor, valued: Tensor, start: int, stop: int) -> Tensor:
    """E of a block of steps with itself, from one write after the other."""
    steps = stop - start
    found = valued.new_zeros(steps, steps, keep.shape[1])
    closing = 1 - keep[start:stop].double()
    for s in range(steps - 1):
        before = _products(_ones_before(keep[start + s + 1 : stop - 1]))
        found[s, s + 1 :] = torch.einsum("bh,tbh->tb", valued[start + s], before * closing[s + 1 :])
    return found


def _slice(writes: MemoryUpdates, start: int, stop: int) -> slice:
    steps = len(writes.keep)
    return slice(steps - stop, steps - start) if writes.reverse else slice(start, stop)


def _both(writes: MemoryUpdates, block: Tensor) -> Tensor:
    return block.flip(0, 1) if writes.reverse else block
