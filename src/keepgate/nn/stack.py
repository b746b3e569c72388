"""Stack: the walk over layers and directions, in which each layer reads the outputs of the one below."""

from collections.abc import Callable, Sequence

from torch import Tensor

from ..kernels import Call
from ..kernels.bidirectional_output import SharedOutput, concat_directions
from ..kernels.weights import Weights
from .regularisation import Masks


def run_stack(
    weights: Sequence[Weights],
    directions: int,
    x: Tensor,
    states: Sequence[tuple[Tensor, ...]],
    run_place: Callable[[int, Call], Tensor],
    *,
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
    trace: bool = False,
    between: Callable[[Tensor], Tensor] | None = None,
    shared_output: bool = False,
    masks: Masks | None = None,
) -> Tensor:
    """The last layer's output, both directions side by side: [time, batch, directions · units].

    weights, states: of each place, that is of each layer and direction in torch's order, forward before reverse.
    x:               [time, batch, input], what the first of these layers reads.
    run_place:       gives the output of a place: (its index among these, its call) → [time, batch, units].
    between:         what is done to the output of each layer but the last, such as dropout.
    masks:           of a layer in training that is regularised.
    shared_output:   offer both directions of a layer one tensor to write to.
    """
    output = x
    for first in range(0, len(weights), directions):
        layer_input = output if between is None or not first else between(output)
        offered = shared_output and directions > 1
        shared = SharedOutput.for_input(layer_input, weights[first].output_size) if offered else None
        outputs = []
        for place in range(first, first + directions):
            reverse = place > first
            into = None if shared is None else shared.halves[reverse]
            own, x_place, initial = weights[place], layer_input, states[place]
            if masks is not None:
                own, x_place, initial = masks.apply(place, own, x_place, initial)
            call = Call.of(own, x_place, initial, lengths, resets, reverse, trace, into)
            outputs.append(run_place(place, call))
        output = concat_directions(outputs, shared) if directions > 1 else outputs[0]
    return output
