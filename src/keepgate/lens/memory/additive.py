"""Additive decomposition of a cell state: what each step wrote, how much of it is retained, which step forgot it.

A state with s_t = a_t s_{t-1} + b_t (LSTM: forget gate · c_{t-1} + input gate · candidate) is an exact sum of writes,
s_t = S[-1, t] s_{-1} + Σ_{i ≤ t} S[i, t] b_i, where the retention S[i, t] = ∏_{i < j ≤ t} a_j is the cumulative product
of the forget gates. Murdoch & Szlam (2017), arXiv:1702.02540. Which states are additive, and their a and b, follow from
the cell's equations (`equations.additive`). "Before" and "after" mean the order of reading, which is backwards in a
reverse direction; steps are numbered as in the input.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import AdditiveUpdate, Cell, Expr, evaluate, topological
from ...errors import CellError, ShapeError, nearest_first
from ...nn.trace import LayerTrace
from ..compact_repr import compact_repr

# Elements of one block of units: 16 MiB of float64, about what a processor's cache holds.
AT_ONCE = 2_097_152


@dataclass(frozen=True, kw_only=True, eq=False)
class MemoryUpdates:
    """Additive updates of one state of one layer and direction: keep · (state before) + write, at every step.

    keep:    the factor a (LSTM f, GRU z): 0 forgets all, 1 keeps all; 0 where the state was reset, 1 in padding.
    write:   the term b (LSTM i · g, GRU (1 - z) n); 0 in padding.
    keep_without_write: a with the input gate closed: a itself, but 1 where one gate keeps and writes (GRU).
    initial: the state before the first step.
    state:   its name in the trace. reverse: whether the direction reads the last step first.
    """

    keep: Float[Tensor, "time batch hidden"]
    write: Float[Tensor, "time batch hidden"]
    keep_without_write: Float[Tensor, "time batch hidden"]
    initial: Float[Tensor, "batch hidden"]
    state: str
    reverse: bool

    __repr__ = compact_repr

    def reading_index(self, step: int) -> int:
        """Position of a step in the order of reading. Raises ShapeError for a step out of range."""
        steps = len(self.keep)
        if not -steps <= step < steps:
            raise ShapeError(f"step is {step}, but {steps} were read; it can be 0 to {steps - 1}")
        step %= steps
        return steps - 1 - step if self.reverse else step

    def reading_order(self, values: Tensor) -> Tensor:
        """Values over time, from the input's order into the order of reading, or back."""
        return values.flip(0) if self.reverse else values


def memory_updates(layer: LayerTrace, state: str | None = None) -> MemoryUpdates:
    """Additive updates of a state over a run: what each step kept of it and what it wrote.

    state: one with an additive update; None takes the cell's memory (LSTM c, GRU h).
    Raises CellError for a state without one, such as a plain RNN's h; `lens.gradients` measures that.
    """
    cell = layer.cell
    name = cell.memory_state if state is None else state
    update = _additive_update(cell, name)
    if layer.weight_hr is not None and name == cell.states[0]:
        raise CellError(f"the state {name} is projected at each step, so it is not a sum of what was written")
    terms = (update.keep, update.keep_without_write, update.write)
    keep, keep_without_write, write = (_evaluated(term, layer) for term in terms)
    if keep is None or keep_without_write is None:
        raise CellError(
            f"the factor that keeps the state {name} of {cell.name} cannot be computed from the traced values; name "
            f"{update.keep!r} in the Step that the cell returns"
        )
    if write is None:  # not all of it is traced: the write is what the step added
        write = layer[name] - keep * layer.state_before(name)
    factors = [keep, keep_without_write]
    if layer.resets is not None:
        cleared = layer.was_cleared().unsqueeze(2)
        factors = [factor.masked_fill(cleared, 0) for factor in factors]
    if layer.lengths is not None:
        padding = ~layer.is_real().unsqueeze(2)
        factors = [factor.masked_fill(padding, 1) for factor in factors]
        write = write.masked_fill(padding, 0)
    return MemoryUpdates(
        keep=factors[0], write=write, keep_without_write=factors[1], initial=layer.initial[name], state=name,
        reverse=layer.reverse,
    )  # fmt: skip


def retained_at(updates: MemoryUpdates, step: int | None = None) -> Float[Tensor, "time batch hidden"]:
    """Retention S[i, step] for all i: the share of each step's write that is in the state after `step`, 0 to 1.

    0 for steps read later. None is the end of reading. Computed as sums of logarithms in float64; a forget gate of 0
    leaves exactly 0.
    """
    keep = updates.reading_order(updates.keep)
    last = len(keep) - 1 if step is None else updates.reading_index(step)
    retained = torch.zeros_like(keep)
    for units in _unit_blocks(keep):
        retained[:last, :, units] = _cumulative_products(keep[1 : last + 1, :, units].flip(0)).flip(0)
    retained[last] = 1
    return updates.reading_order(retained)


def retained_from(updates: MemoryUpdates, step: int) -> Float[Tensor, "time batch hidden"]:
    """Retention S[step, t] for all t: the share of this step's write that is in the state after t; 0 before it."""
    keep = updates.reading_order(updates.keep)
    first = updates.reading_index(step)
    retained = torch.zeros_like(keep)
    retained[first] = 1
    for units in _unit_blocks(keep):
        retained[first + 1 :, :, units] = _cumulative_products(keep[first + 1 :, :, units])
    return updates.reading_order(retained)


def initial_retained(updates: MemoryUpdates, step: int | None = None) -> Float[Tensor, "batch hidden"]:
    """Retention S[-1, step]: the share of the initial state that is in the state after `step`; None is the end."""
    keep = updates.reading_order(updates.keep)
    last = len(keep) - 1 if step is None else updates.reading_index(step)
    return keep[: last + 1].double().prod(0).to(keep.dtype)


def forgotten_from(updates: MemoryUpdates, step: int) -> Float[Tensor, "time batch hidden"]:
    """Forgetting E[step, t] for all t: how much of this step's write the step t erased, as a part of the state.

    E[i, t] = S[i, t-1] (1 - a_t) b_i. Summed over t, plus what is retained at the end, it is the write.
    """
    retained = updates.reading_order(retained_from(updates, step))
    retained_before = torch.cat([torch.zeros_like(retained[:1]), retained[:-1]])
    forgotten = retained_before * (1 - updates.reading_order(updates.keep)) * updates.write[step]
    return updates.reading_order(forgotten)


def forgotten_at(updates: MemoryUpdates, step: int) -> Float[Tensor, "time batch hidden"]:
    """Forgetting E[i, step] for all i: how much of each earlier write this step erased, as a part of the state."""
    if updates.reading_index(step) == 0:
        return torch.zeros_like(updates.write)
    step %= len(updates.keep)
    before = step + 1 if updates.reverse else step - 1
    return retained_at(updates, before) * (1 - updates.keep[step]) * updates.write


def linear_recurrence(
    keep: Float[Tensor, "time batch hidden"],
    write: Float[Tensor, "time batch hidden"],
    initial: Float[Tensor, "batch hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """Elementwise linear recurrence s_t = keep_t s_{t-1} + write_t, step by step from the first to the last."""
    states = [initial]
    for factor, term in zip(keep.unbind(), write.unbind(), strict=True):
        states.append(torch.addcmul(term, factor, states[-1]))
    return torch.stack(states[1:])


def _additive_update(cell: Cell, state: str) -> AdditiveUpdate:
    if state not in cell.states:
        raise CellError(
            f"{cell.name} has no state {state!r}; it has {', '.join(nearest_first(state, cell.states))}"
        )
    if state not in cell.additive:
        advice = (
            f"ask for {', '.join(cell.additive)}, which has one"
            if cell.additive
            else "see lens.gradients for what it still depends on"
        )
        raise CellError(
            f"the state {state} of {cell.name} has no additive update s_t = keep s_(t-1) + write, so it is not a sum "
            f"of what was written: each step makes all of it anew; {advice}"
        )
    return cell.additive[state]


def _evaluated(expression: Expr, layer: LayerTrace) -> Tensor | None:
    """An expression's value at every step, from the traced values; None where it needs more than those."""
    graph = layer.cell.graph
    values = {node: layer[name] for name, node in graph.traced.items() if name in layer}
    below = topological([expression], stop=values)
    values |= {node: layer.state_before(name) for name, node in graph.previous.items() if node in below}
    if any(node.op in ("symbol", "product") and node not in values for node in below):
        return None
    (value,) = evaluate([expression], values)
    like = layer[layer.cell.memory_state]
    return value if isinstance(value, Tensor) else like.new_full((), value).expand_as(like)


def _unit_blocks(values: Tensor) -> list[slice]:
    """Slices of units, so that the float64 temporaries stay small."""
    steps, rows, units = values.shape
    width = max(1, AT_ONCE // max(1, steps * rows))
    return [slice(start, start + width) for start in range(0, units, width)]


def _cumulative_products(keep: Tensor) -> Tensor:
    """Cumulative products over time, as sums of logarithms in float64; exactly 0 from a factor of 0 on."""
    products = keep.double().abs().log_().cumsum(0).exp_()
    if bool((keep < 0).any()):
        products *= keep.sign().double().where(keep != 0, 1.0).cumprod(0)
    return products
