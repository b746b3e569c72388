"""How sensitive an answer is to the states on the way to it: |d margin / d state|, for any cell, in little memory."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..capture.layer_run import as_keepgate_layer
from ..gradients.by_state import grad_or_zero, gradients_by_state, run_stack
from .reading import Reading


def saliency(reading: Reading) -> Float[Tensor, " tokens"]:
    """How much what speaks for the answer would change with the last layer's states after each token: |d margin / d h|.

    For any cell, a plain RNN too: all its states together, both directions, in float64. From one backward pass.
    """
    seen = reading.seen
    exact = as_keepgate_layer(seen.layer).double()
    initial = tuple(state.double() for state in seen.initial)
    ends = torch.tensor([len(seen.x)])
    been = run_stack(exact, seen.x.double(), initial if len(initial) > 1 else initial[0], ends)
    output = been.output.requires_grad_()
    with torch.enable_grad():
        (slope,) = grad_or_zero(reading.head.margin(output), [output])
    # What lies below does not matter here: the last layer stands for itself.
    last = been.last(exact.directions)
    total = torch.zeros(len(seen.x), dtype=torch.float64)
    for gradients in gradients_by_state(last, slope):
        total += torch.cat(gradients, 2)[:, 0].norm(dim=1) ** 2
    return total.sqrt()
