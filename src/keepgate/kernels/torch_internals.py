"""Every private interface of torch that this package uses, each with what it is asked for. Nothing else may use one.

Tried with torch 2.6.0 and 2.13.0. A name that a version lacks fails when this file is imported, not in the middle of a
run; `tests/kernels/test_torch_internals.py` lists them and fails for a private name anywhere else.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._dynamo.guards import TensorGuards
from torch._subclasses import FakeTensor
from torch.autograd import Function, forward_ad

__all__ = [
    "FakeTensor",
    "add_batch_dim",
    "apply_without_transforms",
    "autocast_anywhere",
    "brings_own_dispatch",
    "compile_watches",
    "dispatch_mode_depth",
    "forget_flat_weights",
    "forward_ad_level",
    "functorch_depth",
    "is_legacy_batched",
    "jit_tracing",
    "legacy_vmap_level",
    "metadata_guard",
    "remember_flat_weights",
    "remove_batch_dim",
    "set_flat_weights",
]

# The depth of torch.func's stack of transforms (vmap, grad, jvp, …), inside torch.compile or outside; 0 for none.
functorch_depth: Callable[[], int] = torch._C._functorch.get_dynamic_layer_stack_depth

# How many modes of dispatch (TorchDispatchMode, FakeTensorMode, …) are active.
dispatch_mode_depth: Callable[[], int] = torch._C._len_torch_dispatch_stack

# Whether torch.jit.trace records what happens; torch.jit.is_tracing() is public and takes six times as long.
jit_tracing: Callable[[], bool] = torch._C._is_tracing

# Whether autocast is on for any device; torch.is_autocast_enabled(device) is public and takes ten times as long.
autocast_anywhere: Callable[[], bool] = torch._C._is_any_autocast_enabled

# A tensor of torch's older vmap, which is no transform of torch.func: `autograd.grad(is_grads_batched=True)` and
# `autograd.functional.jacobian(vectorize=True)` still use it. Its dimension `level` is hidden from everybody.
is_legacy_batched: Callable[[Tensor], bool] = torch._C._functorch.is_legacy_batchedtensor
add_batch_dim: Callable[[Tensor, int, int], Tensor] = torch._add_batch_dim
remove_batch_dim: Callable[[Tensor, int, int, int], Tensor] = torch._remove_batch_dim

_compile_callback: Callable[[], Any] = torch._C._dynamo.eval_frame.get_eval_frame_callback

_PLAIN_DISPATCH = torch._C._disabled_torch_dispatch_impl


def forward_ad_level() -> int:
    """The level of forward-mode differentiation that is active, -1 for none."""
    return forward_ad._current_level


def legacy_vmap_level() -> int:
    """How many of torch's older vmaps are active. torch tells it only to whoever enters one."""
    level: int = torch._C._vmapmode_increment_nesting()
    torch._C._vmapmode_decrement_nesting()
    return level - 1


def brings_own_dispatch(kind: type[Tensor]) -> bool:
    """Whether a class of tensors computes by a `__torch_dispatch__` of its own."""
    return kind.__torch_dispatch__ is not _PLAIN_DISPATCH


def apply_without_transforms(function: type[Function]) -> Callable[..., tuple[Tensor, ...]]:
    """What `function.apply` ends in, without the look for transforms of torch.func and for defaults before it.

    Those take longer than a short run; it may be called only where no transform is active.
    """
    apply: Callable[..., tuple[Tensor, ...]] = super(Function, function).apply
    return apply


def metadata_guard(tensors: Sequence[Tensor]) -> Callable[..., bool]:
    """A function of as many tensors: whether each has the type, dtype, device, shape, strides and need of a gradient
    that its namesake here has now. False also where another mode of torch's is active than now, and always of one made
    while torch.jit.trace records, in whose graph it would leave the sizes.

    Asked of the tensors one by one in Python this takes five times as long, and much of a small layer's call.
    """
    if jit_tracing():
        return lambda *_: False
    # torch's stubs have one list of sizes where there is one for each tensor.
    sizes: list[Any] = [list(tensor.shape) for tensor in tensors]
    strides: list[Any] = [list(tensor.stride()) for tensor in tensors]
    guards = TensorGuards(*tensors, dynamic_dims_sizes=sizes, dynamic_dims_strides=strides)
    check: Callable[..., bool] = guards.check
    return check


def compile_watches() -> bool:
    """Whether torch.compile would compile the next function that is called, as where its graph is broken."""
    return _compile_callback() is not None


def set_flat_weights(module: nn.RNNBase, weights: Sequence[Tensor]) -> None:
    """Makes a layer of torch compute with these tensors, in the order of its parameters, in place of those."""
    flat: Any = list(weights)
    module._flat_weights = flat


def forget_flat_weights(module: nn.RNNBase) -> None:
    """Takes from a layer of torch its second list of its weights, whose weak references cannot be pickled."""
    for name in ("_flat_weights", "_flat_weight_refs"):
        module.__dict__.pop(name, None)


def remember_flat_weights(module: nn.RNNBase) -> None:
    """Gives a layer of torch that list again, of the weights that it has now."""
    module._init_flat_weights()
