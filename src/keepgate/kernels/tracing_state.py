"""What may stand between Python and memory: torch.func (vmap, grad, jvp, …), torch.compile, modes of dispatch."""

import torch

from .torch_internals import (
    autocast_anywhere,
    dispatch_mode_depth,
    forward_ad_level,
    functorch_depth,
    jit_tracing,
    legacy_vmap_level,
)


def transformed() -> bool:
    """Whether any of torch.func's transforms is at work, inside torch.compile or outside."""
    return functorch_depth() > 0


def forward_mode() -> bool:
    """Whether forward-mode derivatives are being taken."""
    return forward_ad_level() >= 0


def older_vmap() -> bool:
    """Whether torch's older vmap is at work: `is_grads_batched`, `jacobian(vectorize=True)`."""
    return not torch.compiler.is_compiling() and legacy_vmap_level() > 0


def recorded_by_jit() -> bool:
    """Whether torch.jit.trace records what happens."""
    return not torch.compiler.is_compiling() and jit_tracing()


def undisturbed() -> bool:
    """Whether plain tensors are simply memory now: nothing transforms, compiles, records, casts or watches them."""
    return not (
        torch.compiler.is_compiling()
        or functorch_depth()
        or forward_ad_level() >= 0
        or legacy_vmap_level()
        or dispatch_mode_depth()
        or jit_tracing()
        or autocast_anywhere()
    )
