"""Gates: the child of a layer on which forward hooks are registered that are called with its gates and states."""

from typing import Any, NoReturn

import torch
from torch import nn

from ..errors import SettingsError
from ..kernels.tracing_state import jit_tracing_active
from .trace import Trace


class Gates(nn.Module):
    """Called with the `Trace` of each run of its layer while a forward hook or pre-hook is registered on it.

        handle = layer.gates.register_forward_hook(lambda gates, args, trace: seen.append(trace.layer(0).f))

    It has no parameters. A hook is shown the values and may not give others: to change a gate is `lens.interventions`'.
    """

    def forward(self, trace: Any) -> Any:
        """The trace, as it is."""
        return trace

    def show(self, trace: Trace) -> None:
        """Calls the hooks. Raises SettingsError where one gives something else than it was shown."""
        if (changed := self(trace)) is not trace:
            raise SettingsError(
                f"a hook on gates returned {type(changed).__name__} in place of the trace; it is shown the values and "
                "cannot change them: return None, and change the values themselves with keepgate.lens.interventions"
            )

    def register_full_backward_hook(self, *_: Any, **__: Any) -> NoReturn:
        """Raises SettingsError: torch calls such hooks for tensors only, and would never call this one."""
        raise SettingsError(
            "a backward hook on gates is never called, since a Trace is no tensor; register a forward hook, and in it "
            "a hook on the tensor, as by trace.layer(0).f.register_hook"
        )

    register_full_backward_pre_hook = register_backward_hook = register_full_backward_hook


def gates_of(layer: nn.Module) -> Gates:
    """The child whose forward hooks are called with the `Trace` of each run; made when it is first asked for."""
    gates: Any = layer._modules.get("gates")
    if gates is None:
        gates = layer._modules["gates"] = Gates()
    return gates


def listening(layer: nn.Module) -> bool:
    """Whether a hook is to be called with a run's gates; not where torch.export or torch.jit.trace records it."""
    gates = layer._modules.get("gates")
    if not isinstance(gates, Gates) or not (gates._forward_hooks or gates._forward_pre_hooks):
        return False
    return not torch.compiler.is_exporting() and not jit_tracing_active()
