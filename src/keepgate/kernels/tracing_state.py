"""Which tracers, transforms and modes of torch are active: functorch, compile, jit, dispatch modes, autocast."""

import torch

from .torch_internals import (
    autocast_anywhere,
    dispatch_mode_depth,
    forward_ad_level,
    functorch_depth,
    jit_tracing,
    legacy_vmap_level,
)


def functorch_active() -> bool:
    """Whether a transform of torch.func (vmap, grad, jvp, …) is active, inside torch.compile or outside."""
    return functorch_depth() > 0


def forward_ad_active() -> bool:
    """Whether forward-mode differentiation is active."""
    return forward_ad_level() >= 0


def legacy_vmap_active() -> bool:
    """Whether torch's legacy vmap is active: `is_grads_batched`, `jacobian(vectorize=True)`."""
    return not torch.compiler.is_compiling() and legacy_vmap_level() > 0


def jit_tracing_active() -> bool:
    """Whether torch.jit.trace is recording."""
    return not torch.compiler.is_compiling() and jit_tracing()


def no_interception() -> bool:
    """Whether no functorch transform, torch.compile, forward AD, dispatch mode, jit tracing or autocast is active."""
    return not (
        torch.compiler.is_compiling()
        or functorch_depth()
        or forward_ad_level() >= 0
        or legacy_vmap_level()
        or dispatch_mode_depth()
        or jit_tracing()
        or autocast_anywhere()
    )
