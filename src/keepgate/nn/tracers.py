"""What a layer gives to torch.fx and torch.jit.trace, which record a model's operations: itself as one call."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, fx, nn
from torch.nn.utils.rnn import PackedSequence

from ..equations import Cell
from ..errors import CellError, KernelRefused, SettingsError
from ..kernels.torch_internals import set_flat_weights
from ..kernels.tracing_state import jit_tracing_active
from ..kernels.weights import Weights
from .torch_layer import without_weights


def fx_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """The call of this module as one node of torch.fx's graph; None where none of the arguments is a `fx.Proxy`.

    Raises SettingsError where the module is itself what is traced.
    """
    states = args[1] if len(args) > 1 and isinstance(args[1], (tuple, list)) else ()
    proxy = next((p for p in (*args, *states, *kwargs.values()) if isinstance(p, fx.Proxy)), None)
    if proxy is None:
        return None
    tracer: Any = proxy.tracer
    name = type(module).__name__
    try:
        path = tracer.path_of_module(module)
    except (
        AttributeError,
        NameError,
    ):  # another Proxy than a module's, or a module that the root does not hold
        path = ""
    if not path:
        raise SettingsError(
            f"torch.fx traces into this {name}, whose loop over time is no graph; trace the model that holds it, in "
            f"which it is one call, or give a Tracer whose is_leaf_module is true for keepgate's {name}"
        )
    return tracer.create_proxy("call_module", path, args, {k: v for k, v in kwargs.items() if v is not None})


def jit_call(
    layer: nn.RNNBase,
    cell: Cell,
    weights: Sequence[Weights],
    input: Tensor | PackedSequence,
    hx: Any,
    kernel: str | None,
    *others: object,
) -> Any:
    """The layer's result as torch.jit.trace may record it: by torch's own operator, which is right at every size.

    others: what torch's operator lacks, all of which must be None.
    Raises KernelRefused for what could be recorded for the traced sizes only.
    """
    name = type(layer).__name__
    if any(other is not None for other in others) or kernel not in (None, "builtin"):
        raise KernelRefused(
            f"torch.jit.trace records torch's own operators, which have no lengths, no resets, no other kernel; give "
            f"this {name} a PackedSequence in place of lengths and build it with kernel=None, or take torch.export"
        )
    try:
        theirs = without_weights(layer, cell)
    except CellError as lacks:
        raise KernelRefused(
            f"torch.jit.trace would record this {name} for the traced number of steps only: {lacks}; take torch.export"
        ) from lacks
    assert isinstance(theirs, nn.RNNBase)
    set_flat_weights(theirs, [tensor for place in weights for tensor in place.tensors])
    return theirs(input, hx)


def refuse_unrolled(module: nn.Module, input: Any) -> None:
    """Raises KernelRefused while torch.jit.trace or torch.fx records: it would be right at the traced sizes only."""
    if isinstance(input, fx.Proxy):
        raise KernelRefused(
            f"torch.fx records a {type(module).__name__} as one call, and a trace of its gates is none; give a Tracer "
            "whose is_leaf_module is true for the module that asks for the trace"
        )
    if jit_tracing_active():
        raise KernelRefused(
            f"torch.jit.trace would record this {type(module).__name__}'s steps one by one, for the traced sizes only; "
            "take torch.export"
        )


def refuse_script(module: nn.Module) -> None:
    """Raises SettingsError: for torch.jit.script, which reads a module's source and cannot read ours."""
    raise SettingsError(
        f"torch.jit.script cannot compile keepgate's {type(module).__name__}; script the model with the layer's "
        "to_torch() in its place, or take torch.jit.trace or torch.export"
    )
