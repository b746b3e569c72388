"""What a head takes of a layer's output: the state after the last step, or those after all, and how it joins them."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from .samples import Sample

HeadReads = Literal["last", "mean", "maximum", "weights"]
# Derivatives that differ by this share of the largest are those of a mean.
ALIKE = 1e-3


def head_reads(layer: nn.Module, sample: Sample) -> HeadReads | None:
    """How the rows' losses depend on the layer's output, whatever the model is made of: by their derivative.

    "last": on its last step, or on the final states alone. "mean": on all steps alike. "maximum": each unit on one step
    of its own. "weights": on many, each with a weight of its own, as in attention. None where there is no derivative.
    """
    outputs: list[Tensor] = []

    def as_leaf(_layer: nn.Module, _inputs: Any, result: Any) -> Any:
        output, final = result
        if not isinstance(output, Tensor) or output.dim() != 3:
            return result
        outputs.append(output.detach().requires_grad_())
        states = tuple(state.detach() for state in final) if isinstance(final, tuple) else final.detach()
        return outputs[-1], states

    hook = layer.register_forward_hook(as_leaf)
    try:
        with torch.enable_grad():
            loss = sample.losses().sum()
    finally:
        hook.remove()
    if not outputs:
        return None
    (gradient,) = (
        torch.autograd.grad(loss, outputs[-1:], allow_unused=True) if loss.requires_grad else (None,)
    )
    if gradient is None:
        return "last"
    by_time = gradient.transpose(0, 1) if getattr(layer, "batch_first", False) else gradient
    return _joined(by_time.double())


def _joined(gradient: Tensor) -> HeadReads | None:
    """From the derivative by [time, batch, units]."""
    nonzero, largest = gradient != 0, gradient.abs().max()
    if not bool(nonzero.any()):
        return None
    if not bool(nonzero[:-1].any()):
        return "last"
    if bool(((gradient - gradient.mean(0)).abs() <= ALIKE * largest).all()):
        return "mean"
    return "maximum" if int(nonzero.sum(0).max()) == 1 else "weights"
