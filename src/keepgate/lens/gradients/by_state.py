"""Gradients of a stack's results with respect to every state of every layer, from the kernels' own backward passes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ...kernels import Call, run, state_gradients
from ...nn import Recurrent, stack
from ...nn.input_format import Hidden

States = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class StackRun:
    """A run of a stack without gradients. Places are layers and directions, in the trace's order.

    calls:  of each place, with what it read. output: the last layer's. final: each place's states after its last step.
    """

    calls: list[Call]
    output: Float[Tensor, "time batch output"]
    final: list[States]

    def last(self, places: int) -> "StackRun":
        """The last layer by itself, of so many directions."""
        return StackRun(calls=self.calls[-places:], output=self.output, final=self.final[-places:])


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
    return StackRun(calls=calls, output=output, final=final)


def grad_or_zero(value: Tensor, given: list[Tensor]) -> list[Tensor]:
    """The derivative of a number by each of these, 0 where it does not depend on one.

    Raises SettingsError if it is not one number, or depends on none of them.
    """
    if value.dim() or not value.requires_grad:
        raise SettingsError(
            "the loss must be one number that depends on the output it is given; "
            f"it is {tuple(value.shape)}{'' if value.requires_grad else ' and does not depend on it'}"
        )
    found = torch.autograd.grad(value, given, allow_unused=True)
    return [
        torch.zeros_like(one) if slope is None else slope for one, slope in zip(given, found, strict=True)
    ]


def gradients_by_state(
    been: StackRun,
    by_output: Float[Tensor, "time batch output"] | None,
    by_final: list[tuple[Tensor | None, ...]] | None = None,
    *,
    cut: int = 1,
) -> list[States]:
    """The gradient by each state after each step from number `cut` on, [steps, batch, units], in the text's order.

    One tuple a place, the states in the cell's order; the other states at a step are what they are. Zero beyond a
    row's length.
    by_output, by_final: the derivatives by what the run came to, its output and each place's final states; None is 0.
    cut: only for runs in one direction; what lies before is not walked.
    """
    directions = 1 + any(call.reverse for call in been.calls)
    found: list[States] = [()] * len(been.calls)
    upper = None if by_output is None else by_output[cut - 1 :]
    for first in reversed(range(0, len(been.calls), directions)):
        below: Tensor | None = None
        for way in range(directions):
            place = first + way
            call = been.calls[place]
            units = call.output_size
            shown = None if upper is None else upper[..., way * units : (way + 1) * units]
            ends = None if by_final is None else by_final[place]
            gradients = state_gradients(_from(call, cut), shown, ends, wants_x=first > 0)
            found[place] = gradients.states
            if gradients.x is not None:
                below = gradients.x if below is None else below + gradients.x
        upper = below
    return found


def _from(call: Call, cut: int) -> Call:
    """The call from step number `cut` on, from the states that the steps before it leave."""
    if cut == 1:
        return call
    assert call.lengths is not None
    start = run(Call.of(call.weights, call.x[: cut - 1], call.states)).final
    return Call.of(call.weights, call.x[cut - 1 :], start, call.lengths - (cut - 1))
