"""Weights of so few bits that the page carries three bytes a number, float32 without its lowest one, or one byte."""

import numpy as np
import torch
from torch import nn

_LOWEST = 0xFF  # the bits that go
LEVELS = 127  # of a weight in one byte, to either side of 0


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


def rounded(weight: torch.Tensor) -> torch.Tensor:
    """The matrix with each row in whole multiples of a 127th of its largest number."""
    step = weight.abs().amax(1, keepdim=True) / LEVELS
    return torch.where(step > 0, (weight / step).round() * step, weight)


def round_weights(task: nn.Module) -> None:
    """Rounds every matrix, in place."""
    with torch.no_grad():
        for weight in task.parameters():
            if weight.dim() == 2:
                weight.copy_(rounded(weight))
