"""Weights of 24 bits: float32 without its lowest byte, so that the page carries three bytes a number."""

import numpy as np
import torch
from torch import nn

_LOWEST = 0xFF  # the bits that go


def short(weight: torch.Tensor) -> torch.Tensor:
    """The nearest numbers whose lowest byte is 0, halves to even."""
    bits = weight.detach().numpy().view(np.uint32)
    half = (_LOWEST >> 1) + ((bits >> 8) & 1)
    return torch.from_numpy(((bits + half) & ~np.uint32(_LOWEST)).view(np.float32))


def shorten_weights(task: nn.Module) -> None:
    """Rounds every parameter, in place."""
    with torch.no_grad():
        for weight in task.parameters():
            weight.copy_(short(weight))
