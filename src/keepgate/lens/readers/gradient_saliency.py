"""Gradient saliency: |∂margin/∂state| of an answer after each token, for any cell."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..gradients.by_state import grad_or_zero, gradients_by_state, rerun_in_float64
from .reading import Reading, of_reading


@of_reading
def saliency(reading: Reading) -> Float[Tensor, " tokens"]:
    """Norm of the gradient of the answer's margin with respect to the last layer's states after each token.

    All its states together, both directions, in float64, by one backward pass; for a plain RNN too.
    """
    stack_run = rerun_in_float64(reading.layer_run).last_layer()
    output = stack_run.output.requires_grad_()
    with torch.enable_grad():
        d_output = grad_or_zero(reading.head.margin(output), output)
    gradients = [torch.cat(by_state, 2)[:, 0] for by_state in gradients_by_state(stack_run, d_output)]
    return torch.cat(gradients, 1).norm(dim=1)
