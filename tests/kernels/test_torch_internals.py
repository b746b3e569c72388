"""torch's private interfaces: all of them in one file, every one of them there, and what each one answers."""

import ast
import re
import warnings
from pathlib import Path

import torch

import keepgate
from keepgate.kernels import torch_internals
from keepgate.kernels.torch_internals import (
    dispatch_mode_depth,
    forward_ad_level,
    functorch_depth,
    is_legacy_batched,
    jit_tracing,
    legacy_vmap_level,
)

PACKAGE = Path(keepgate.__file__).parent
PRIVATE = re.compile(r"torch(\.\w+)*\._[a-zA-Z]|from torch(\.\w+)*\._|super\(Function")


def test_no_other_file_uses_a_private_name():
    users = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if PRIVATE.search(file.read_text(encoding="utf-8"))
    }
    assert users == {"kernels/torch_internals.py"}


def test_the_names_used_are_these():
    source = Path(torch_internals.__file__).read_text(encoding="utf-8")
    used = {
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and re.search(r"\._[a-z]", ast.unparse(node))
    }
    assert {name for name in used if not re.fullmatch(r"torch\._C(\._functorch)?", name)} == {
        "forward_ad._current_level",
        "module._flat_weights",
        "module._init_flat_weights",
        "torch._C._disabled_torch_dispatch_impl",
        "torch._C._dynamo",
        "torch._C._dynamo.eval_frame",
        "torch._C._dynamo.eval_frame.get_eval_frame_callback",
        "torch._C._functorch.get_dynamic_layer_stack_depth",
        "torch._C._functorch.is_legacy_batchedtensor",
        "torch._C._is_any_autocast_enabled",
        "torch._C._is_tracing",
        "torch._C._len_torch_dispatch_stack",
        "torch._C._vmapmode_decrement_nesting",
        "torch._C._vmapmode_increment_nesting",
        "torch._add_batch_dim",
        "torch._remove_batch_dim",
    }


def test_nothing_is_active_in_a_plain_call():
    assert (functorch_depth(), forward_ad_level(), dispatch_mode_depth(), legacy_vmap_level()) == (
        0,
        -1,
        0,
        0,
    )
    assert not jit_tracing()


def test_each_is_told_where_it_is_active():
    seen = []

    def look(x):
        seen.append((functorch_depth(), forward_ad_level(), legacy_vmap_level(), jit_tracing()))
        return x * 1

    x = torch.randn(3)
    torch.func.vmap(look)(x)
    torch.func.jvp(look, (x,), (x,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(look, x, check_trace=False)
    assert seen == [(1, -1, 0, False), (1, 0, 0, False), (0, -1, 0, True)]


def test_the_older_vmap_is_told():
    class Seen(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x * 1

        @staticmethod
        def backward(_, upstream):
            levels.append((legacy_vmap_level(), is_legacy_batched(upstream)))
            return upstream * 1

    levels = []
    x = torch.randn(3, requires_grad=True)
    for batched in (True, False):
        upstream = torch.eye(3) if batched else torch.ones(3)
        torch.autograd.grad(Seen.apply(x), x, upstream, is_grads_batched=batched)
    assert levels == [(1, True), (0, False)]
