"""Whether torch.func (vmap, grad, jvp, …) transforms what runs now."""

import torch
from torch.autograd import forward_ad


def transformed() -> bool:
    """Whether any of torch.func's transforms is at work, inside torch.compile or outside."""
    return torch._C._functorch.get_dynamic_layer_stack_depth() > 0


def forward_mode() -> bool:
    """Whether forward-mode derivatives are being taken."""
    return forward_ad._current_level >= 0
