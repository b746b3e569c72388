"""Time scales of a memory: half-lives, gate saturation, retention of the first write, relative state change."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...equations.gates import is_gate
from ...errors import ShapeError
from ...nn.trace import LayerTrace
from ..compact_repr import compact_repr
from .additive import memory_updates

# Karpathy et al. (2015), arXiv:1506.02078: a gate is saturated to the left below 0.1 and to the right above 0.9.
CLOSED, OPEN = 0.1, 0.9
# tanh(x / 2) = 2 sigmoid(x) - 1: beyond this a tanh is as flat as a sigmoid that is closed or open.
FLAT = OPEN - CLOSED


@dataclass(frozen=True, kw_only=True, eq=False)
class Saturation:
    """Saturation of one gate: the share of steps, 0 to 1, at which each unit's gate is below 0.1 and above 0.9."""

    closed: Float[Tensor, " hidden"]
    open: Float[Tensor, " hidden"]

    __repr__ = compact_repr


def half_life(
    keep: Float[Tensor, "time batch hidden"], real: Bool[Tensor, "time batch"] | None = None
) -> Float[Tensor, "batch hidden"]:
    """Half-life of each unit's memory, in steps, at the mean rate of forgetting; inf for a unit that never forgets.

    The rate is the mean of the logarithms, so that one closed gate counts for as much as it erases: on a bursty gate
    the logarithm of the mean is several times too long.
    keep: the gate or factor that keeps, 0 (drop) to 1 (keep). real: which steps count; None counts all. NaN for a row
    without any.
    Raises ShapeError if there are no steps.
    Source: Mahto et al. (2021), arXiv:2009.12727.
    """
    _check_steps(keep)
    logs = keep.abs().log()
    if real is None:
        return math.log(2) / logs.mean(0).abs()
    counts = real.unsqueeze(2)
    rate = logs.where(counts, 0.0).sum(0) / counts.sum(0)
    return math.log(2) / rate.abs()


def half_lives(layer: LayerTrace) -> Float[Tensor, "batch hidden"]:
    """Half-lives, in steps, of a layer's memory by the factor that keeps it; over each row's own steps.

    Steps at which the state is cleared for a new sequence do not count.
    Raises CellError for a cell without an additive memory, such as a plain RNN.
    """
    return half_life(memory_updates(layer).keep, layer.is_real() & ~layer.was_cleared())


def saturation(layer: LayerTrace) -> dict[str, Saturation]:
    """Saturation of each gate of a layer, by the gate's name; over all rows' own steps.

    Gates are the traced values that lie between 0 and 1 by the cell's equations; a plain RNN has none.
    Raises ShapeError if no row has a step.
    Source: Karpathy et al. (2015), arXiv:1506.02078.
    """
    real = layer.is_real()
    if not bool(real.any()):
        raise ShapeError("no row has a step; give a trace of one token or more")
    gates = {name: layer[name][real] for name, node in layer.cell.graph.traced.items() if is_gate(node)}
    return {
        name: Saturation(closed=(gate < CLOSED).double().mean(0), open=(gate > OPEN).double().mean(0))
        for name, gate in gates.items()
    }


def saturated_states(layer: LayerTrace) -> float | None:
    """Share of a layer's states, 0 to 1, that a tanh gave where it is as flat as a gate that is closed or open.

    Over all units and all rows' own steps; None for a cell whose states are no tanh, as all but a plain RNN's.
    Source: Rakitianskaia & Engelbrecht (2015), "Measuring saturation in neural networks".
    """
    real = layer.is_real()
    flat = [
        (layer[name][real].abs() > FLAT).double().mean()
        for name, node in layer.cell.graph.next.items()
        if node.op == "tanh"
    ]
    return float(torch.stack(flat).mean()) if flat else None


def retention_of_first_write(
    keep: Float[Tensor, "time batch hidden"], *, reverse: bool = False
) -> Float[Tensor, "batch hidden"]:
    """Share of the first step's write that is left at the end of reading: 1 all of it, 0 nothing.

    keep: the gate that keeps (LSTM f, GRU z), 0 (drop) to 1 (keep), in the input's order.
    reverse: whether the last step is read first.
    Raises ShapeError if there are no steps.
    Source: Murdoch & Szlam (2017), arXiv:1702.02540: the product of the gates after the write.
    """
    _check_steps(keep)
    after = keep[:-1] if reverse else keep[1:]
    return after.prod(0)


def relative_state_change(layer: LayerTrace, state: str) -> Float[Tensor, "time batch"]:
    """Relative change of a state at each step: 0 stands still, 2 turns to its opposite.

    The norm of the change over the mean norm of the state before and after it. NaN where the state before was 0, as it
    is before the first step.
    Raises ShapeError if there are no steps.
    """
    after, before = layer[state], layer.previous()[state]
    _check_steps(after)
    size, size_before = after.norm(dim=-1), before.norm(dim=-1)
    change = 2 * (after - before).norm(dim=-1) / (size + size_before)
    return torch.where(size_before > 0, change, math.nan)


def _check_steps(values: Tensor) -> None:
    if values.shape[0] == 0:
        raise ShapeError(
            f"got values of shape {tuple(values.shape)} without a step; give a trace of one token or more"
        )
