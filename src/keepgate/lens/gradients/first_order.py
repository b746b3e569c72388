"""First-order effect of each write on an answer along every path: gradient times what the write changed.

A direct share (`attribution`) is exact and leaves out that later gates and writes depend on a token as well; this
counts them, as far as a straight line does. How far that is, dropping the write says (`interventions`).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import derivative
from ..capture.layer_run import LayerRun, as_keepgate_layer
from ..capture.step_values import value_of, values_at
from ..memory.additive import memory_updates
from .by_state import grad_or_zero, gradients_by_state, run_stack


def write_influence(
    seen: LayerRun, answer: Callable[[Float[Tensor, "time batch output"]], Float[Tensor, ""]]
) -> list[Float[Tensor, "time batch"]]:
    """Σ over units of change · d answer / d memory after the write, at each step, for each layer and direction; signed.

    The change is what dropping the write takes away (`ablate_writes`): the write itself in an LSTM; in a GRU
    h_t - h_{t-1}, since the gate that writes erases too. What the answer would lose without the write, if it were
    linear in it. From one backward pass, in float64.
    answer: from the last layer's output, float64, to one number, the sum over the rows of what is asked of each.
    Raises CellError for a cell that carries no memory, SettingsError for an answer that does not depend on the output.
    Source: gradient × input, Shrikumar et al. (2016), arXiv:1605.01713, with a write for the input.
    """
    parts = seen.trace.layers
    writes = [memory_updates(part) for part in parts]
    exact = as_keepgate_layer(seen.layer).double()
    steps, rows = seen.x.shape[:2]
    ends = torch.full((rows,), steps) if seen.lengths is None else seen.lengths
    initial = tuple(state.double() for state in seen.initial)
    been = run_stack(exact, seen.x.double(), initial if len(initial) > 1 else initial[0], ends)
    shown = been.output.requires_grad_()
    with torch.enable_grad():
        (slope,) = grad_or_zero(answer(shown), [shown])
    found = []
    for place, (one, gradients) in enumerate(zip(writes, gradients_by_state(been, slope), strict=True)):
        before = parts[place].state_before(one.state).double()
        added = one.write.double() + (one.keep.double() - one.keep_without_write.double()) * before
        size = (_whole(seen, place, one.state, gradients) * added).sum(2)
        found.append(size.where(parts[place].is_real(), 0.0))
    return found


def _whole(seen: LayerRun, place: int, memory: str, gradients: tuple[Tensor, ...]) -> Tensor:
    """The answer's derivative by the memory, from those by each state alone: what its own step shows of it included."""
    call, part, cell = seen.call(place), seen.trace.layers[place], seen.layer.cell
    whole = gradients[cell.states.index(memory)]
    if len(cell.states) == 1:
        return whole
    graph, known = cell.elementwise_graph, values_at(call, part, slice(None))
    for number, (state, gradient) in enumerate(zip(cell.states, gradients, strict=True)):
        if state != memory:
            follows = value_of(
                derivative(graph.next[state], graph.next[memory]), known, part[memory]
            ).double()
            if number == 0 and call.weight_hr is not None:
                gradient = gradient @ call.weight_hr.double()
            whole = whole + follows * gradient
    return whole
