"""What may stand between Python and memory: torch.func (vmap, grad, jvp, …), torch.compile, modes of dispatch."""

import torch
from torch.autograd import forward_ad


def transformed() -> bool:
    """Whether any of torch.func's transforms is at work, inside torch.compile or outside."""
    return torch._C._functorch.get_dynamic_layer_stack_depth() > 0


def forward_mode() -> bool:
    """Whether forward-mode derivatives are being taken."""
    return forward_ad._current_level >= 0


def undisturbed() -> bool:
    """Whether plain tensors are simply memory now: nothing transforms, compiles, records, casts or watches them."""
    return not (
        torch.compiler.is_compiling()
        or transformed()
        or forward_mode()
        or torch._C._len_torch_dispatch_stack()
        or torch._C._get_tracing_state() is not None
        or torch.is_autocast_enabled("cpu")
    )
