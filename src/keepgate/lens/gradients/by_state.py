"""Gradients of a stack's results with respect to every state of every layer, from the kernels' own backward passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ...kernels import Call, run, state_gradients
from ...nn import Recurrent, stack
from ...nn.input_format import Hidden
from ..capture.layer_run import LayerRun, as_hidden, as_keepgate_layer

States = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class StackRun:
    """A run of a stack without gradients. Places are layers and directions, in the trace's order.

    calls: of each place. output: the last layer's. final: each place's states after its last step.
    ends:  the length of each row.
    """

    calls: list[Call]
    output: Float[Tensor, "time batch output"]
    final: list[States]
    ends: Tensor

    @property
    def directions(self) -> int:
        """2 for a bidirectional stack, 1 for another."""
        return 1 + any(call.reverse for call in self.calls)

    def last_layer(self) -> "StackRun":
        """The last layer by itself."""
        calls, final = self.calls[-self.directions :], self.final[-self.directions :]
        return StackRun(calls=calls, output=self.output, final=final, ends=self.ends)


@torch.no_grad()
def run_stack(
    layer: Recurrent, x: Float[Tensor, "time batch input"], hx: Hidden | None, ends: Tensor
) -> StackRun:
    """One run, each row to its own end."""
    calls: list[Call] = []
    final: list[States] = []

    def run_place(_: int, call: Call) -> Tensor:
        result = run(call)
        calls.append(call)
        final.append(result.final)
        return result.output

    states = [call.states for call in layer.calls(x, hx)]
    output = stack.run_stack(layer.weights(), layer.directions, x, states, run_place, lengths=ends)
    return StackRun(calls=calls, output=output, final=final, ends=ends)


def rerun_in_float64(layer_run: LayerRun) -> StackRun:
    """The run of a layer once more, in float64, in which 1e-250 is a number and not yet zero."""
    steps, rows = layer_run.x.shape[:2]
    ends = torch.full((rows,), steps) if layer_run.lengths is None else layer_run.lengths
    hx = as_hidden(tuple(state.double() for state in layer_run.initial))
    return run_stack(as_keepgate_layer(layer_run.layer).double(), layer_run.x.double(), hx, ends)


def grad_or_zero(value: Tensor, tensor: Tensor) -> Tensor:
    """Gradient of a number with respect to a tensor.

    Raises SettingsError if it is not one number, or does not depend on the tensor.
    """
    if value.dim() or not value.requires_grad:
        raise SettingsError(
            "the loss must be one number that depends on the output it is given; "
            f"it is {tuple(value.shape)}{'' if value.requires_grad else ' and does not depend on it'}"
        )
    (gradient,) = torch.autograd.grad(value, tensor, allow_unused=True, materialize_grads=True)
    return gradient


def gradients_by_state(
    stack_run: StackRun,
    d_output: Float[Tensor, "time batch output"] | None,
    d_final: Sequence[tuple[Tensor | None, ...]] | None = None,
) -> list[States]:
    """Gradients with respect to each state after each step, [time, batch, units].

    One tuple a place, the states in the cell's order; the other states at a step are constant. Zero beyond a row's
    length.
    d_output, d_final: the gradients of the run's output and of each place's final states; None is 0.
    """
    directions = stack_run.directions
    by_place: list[States] = [()] * len(stack_run.calls)
    d_upper = d_output
    for first in reversed(range(0, len(stack_run.calls), directions)):
        d_below: Tensor | None = None
        for place in range(first, first + directions):
            call = stack_run.calls[place]
            units = slice((place - first) * call.output_size, (place - first + 1) * call.output_size)
            gradients = state_gradients(
                call,
                None if d_upper is None else d_upper[..., units],
                None if d_final is None else d_final[place],
                wants_x=first > 0,
            )
            by_place[place] = gradients.states
            if gradients.x is not None:
                d_below = gradients.x if d_below is None else d_below + gradients.x
        d_upper = d_below
    return by_place
