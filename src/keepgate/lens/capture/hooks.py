"""Forward hooks: attach(model) records the runs of the recurrent layers inside a user's own model."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Literal

import torch
from torch import nn

from ...errors import SettingsError, nearest_first
from ...nn import Recurrent
from .layer_run import LayerRun, batched_hidden, capture_layer, in_callers_order, refuse_dropout
from .recover_gates import recover_gates

Keep = Literal["call", "all"]


class Attached(Mapping[str, LayerRun]):
    """Runs of a model's recurrent layers, by the names that the model gives the layers.

    `attached["encoder.lstm"]` is that layer's last run, `attached.runs("encoder.lstm")` all of them in the model's last
    call, since a model may call one layer several times. Layers that have not run are in `names` only. Leaving the
    `with` block, or `detach()`, removes the hooks; the recorded runs stay.
    """

    def __init__(self, model: nn.Module, layers: Mapping[str, nn.Module], keep: Keep) -> None:
        self._layers, self._keep, self._inside = dict(layers), keep, 0
        self._runs: dict[str, list[LayerRun]] = {name: [] for name in layers}
        self._hooks = [
            model.register_forward_pre_hook(_Hook(self._enter)),
            # First: a hook of the user's may change what the layer gave.
            *(
                layer.register_forward_hook(
                    _Hook(partial(self._record, name)), with_kwargs=True, prepend=True
                )
                for name, layer in layers.items()
            ),
            # Also after a call that ended in an error. Registered last: a layer may be the whole model.
            model.register_forward_hook(_Hook(self._leave), always_call=True),
        ]

    def runs(self, name: str) -> tuple[LayerRun, ...]:
        """Recorded runs of a layer, in order. Raises KeyError for an unknown layer."""
        if name not in self._runs:
            names = ", ".join(map(repr, nearest_first(name, self._runs)))
            raise KeyError(f"there is no recurrent layer {name!r} in this model; there are {names}")
        return tuple(self._runs[name])

    def __getitem__(self, name: str) -> LayerRun:
        runs = self.runs(name)
        if not runs:
            raise KeyError(f"{name!r} has not run since it was attached; call the model first")
        return runs[-1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, runs in self._runs.items() if runs)

    def __len__(self) -> int:
        return sum(map(bool, self._runs.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all recurrent layers of the model, run or not."""
        return tuple(self._runs)

    def module(self, name: str) -> nn.Module:
        """The model's own layer of that name. Raises KeyError for an unknown one."""
        self.runs(name)
        return self._layers[name]

    def clear(self) -> None:
        """Discards the recorded runs."""
        for runs in self._runs.values():
            runs.clear()

    def detach(self) -> None:
        """Removes the hooks; the model is then as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def __enter__(self) -> "Attached":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.detach()

    def _record(
        self, name: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        run = _layer_run(module, args, kwargs, result)
        if not self._inside and self._keep == "call":
            self._runs[name].clear()  # called by itself, which is a call of its own
        self._runs[name].append(run)

    def _enter(self, *_: Any) -> None:
        if not self._inside and self._keep == "call":
            self.clear()
        self._inside += 1

    def _leave(self, *_: Any) -> None:
        self._inside -= 1

    def __repr__(self) -> str:
        counts = (f"{name}: {len(runs)} run(s)" for name, runs in self._runs.items())
        return f"Attached({', '.join(counts)})"


def attach(model: nn.Module, *, keep: Keep = "call") -> Attached:
    """Registers hooks that record every run of the recurrent layers (torch.nn's and keepgate's) inside a model.

    The model runs unchanged: the hooks read each layer's input and output and recover every gate from those.

        with keepgate.lens.attach(model) as attached:
            model(x)
        attached["lstm"].trace.layer(0).f

    keep: "call" keeps the runs of the model's last call (of a layer's last, where it is called by itself), so that
          memory stays bounded in a training loop; "all" keeps every run until `clear()`.
    Rows are in the caller's order; nothing has a gradient. A stack in training mode with dropout between its layers
    makes the model's call raise SettingsError, since the dropped units cannot be seen from outside.
    Raises SettingsError for a model without a recurrent layer, or for another `keep`.
    """
    if keep not in ("call", "all"):
        raise SettingsError(f'keep is {keep!r}; "call" keeps the runs of the last call, "all" every run')
    layers = {
        name or type(model).__name__: module
        for name, module in model.named_modules()
        if isinstance(module, nn.RNNBase)
    }
    if not layers:
        raise SettingsError(
            f"{type(model).__name__} has no recurrent layer inside; attach a model with torch.nn.LSTM, GRU or RNN, or "
            "with a layer of keepgate (LSTMCell and GRUCell are single steps, which your own loop already shows)"
        )
    return Attached(model, layers, keep)


class _Hook:
    """Hook that torch.compile does not trace; in a copied or unpickled model it records nothing."""

    def __init__(self, record: Callable[..., None] | None = None) -> None:
        self._record = record

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def __call__(self, *args: Any) -> None:
        if self._record is not None:
            self._record(*args)

    def __reduce__(self) -> tuple[type["_Hook"], tuple[()]]:
        return _Hook, ()


def _layer_run(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> LayerRun:
    arguments = dict(zip(("input", "hx"), args, strict=False)) | kwargs
    if isinstance(module, Recurrent):
        return _run_again(module, arguments)
    if not (isinstance(result, tuple) and len(result) == 2):
        raise SettingsError(
            f"{type(module).__name__} returns {type(result).__name__} and not, as torch's layers do, its output and "
            "its states; attach the layer inside it, or let its forward return both"
        )
    output, final = result
    return recover_gates(module, arguments["input"], arguments.get("hx"), output, final)


def _run_again(module: Recurrent, arguments: dict[str, Any]) -> LayerRun:
    """The same run of a keepgate layer once more, with its trace."""
    refuse_dropout(module)
    layout = in_callers_order(arguments["input"], module, arguments.get("lengths"))
    hx = batched_hidden(arguments.get("hx"), layout)
    resets = layout.time_first_resets(arguments.get("resets"))
    return capture_layer(module, layout.x, hx, lengths=layout.lengths, resets=resets)
