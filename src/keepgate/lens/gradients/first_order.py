"""First-order effect of each write on an answer, along every path: gradient × write.

A direct share (`memory.direct_shares`) is exact but leaves out that later gates and writes depend on a token too; this
counts them, to first order. How far that carries, the ablation of the write says (`interventions`).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ...equations import derivative
from ..capture.layer_run import LayerRun
from ..capture.step_values import value_of, values_at
from ..memory.additive import memory_updates
from .by_state import grad_or_zero, gradients_by_state, rerun_in_float64


def write_influence(
    layer_run: LayerRun, answer: Callable[[Float[Tensor, "time batch output"]], Float[Tensor, ""]]
) -> list[Float[Tensor, "time batch"]]:
    """Σ over units of change · ∂answer/∂(memory after the write), at each step, for each layer and direction; signed.

    The change is what the ablation of the write takes away (`ablate_writes`): the write itself in an LSTM; in a GRU
    h_t - h_{t-1}, since its input gate erases too. One backward pass, in float64.
    answer: from the last layer's output, float64, to one number, the sum over the rows of each row's answer.
    Raises CellError for a cell without an additive memory, SettingsError for an answer that does not depend on the
    output.
    Source: gradient × input, Shrikumar et al. (2016), arXiv:1605.01713, with a write for the input.
    """
    parts = layer_run.trace.layers
    updates = [memory_updates(part) for part in parts]
    stack_run = rerun_in_float64(layer_run)
    output = stack_run.output.requires_grad_()
    with torch.enable_grad():
        d_output = grad_or_zero(answer(output), output)
    influences = []
    for place, gradients in enumerate(gradients_by_state(stack_run, d_output)):
        part, update = parts[place], updates[place]
        before = part.state_before(update.state).double()
        change = update.write.double() + (update.keep.double() - update.keep_without_write.double()) * before
        influence = (_memory_gradient(layer_run, place, update.state, gradients) * change).sum(2)
        influences.append(influence.where(part.is_real(), 0.0))
    return influences


def _memory_gradient(
    layer_run: LayerRun, place: int, memory: str, gradients: tuple[Tensor, ...]
) -> Float[Tensor, "time batch hidden"]:
    """The answer's total derivative by the memory: that by the memory alone, and through its step's other states."""
    call, part, cell = layer_run.call(place), layer_run.trace.layers[place], layer_run.layer.cell
    total = gradients[cell.states.index(memory)]
    if len(cell.states) == 1:
        return total
    graph, values = cell.elementwise_graph, values_at(call, part, slice(None))
    for number, (state, gradient) in enumerate(zip(cell.states, gradients, strict=True)):
        if state != memory:
            slope = value_of(derivative(graph.next[state], graph.next[memory]), values, part[memory])
            if number == 0 and call.weight_hr is not None:
                gradient = gradient @ call.weight_hr.double()
            total = total + slope.double() * gradient
    return total
