"""attach: watches the recurrent layers inside a model of the user's own while it runs, through forward hooks."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Literal

import torch
from torch import nn

from ...errors import SettingsError, nearest_first
from ...nn import Recurrent
from .layer_run import RECURRENT, LayerRun, as_tuple, capture_layer, in_callers_order, refuse_dropout
from .recover_gates import recover

Keep = Literal["call", "all"]


class Attached(Mapping[str, LayerRun]):
    """What the recurrent layers of a model did, by the names that the model gives them.

    `seen["encoder.lstm"]` is that layer's last run, `seen.runs("encoder.lstm")` all of them in the model's last call,
    since a model may call one layer several times. Layers that have not run are in `names` only. Leaving the `with`
    block, or `detach()`, takes the hooks away; what was seen stays.
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
        """A layer's runs that were kept, the first one first. Raises KeyError for a layer that there is not."""
        if name not in self._runs:
            known = ", ".join(map(repr, nearest_first(name, self._runs)))
            raise KeyError(f"there is no recurrent layer {name!r} in this model; there are {known}")
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
        """Every recurrent layer of the model, whether it has run or not."""
        return tuple(self._runs)

    def module(self, name: str) -> nn.Module:
        """The model's own layer of that name. Raises KeyError for one that there is not."""
        self.runs(name)
        return self._layers[name]

    def clear(self) -> None:
        """Forgets the runs that were kept."""
        for runs in self._runs.values():
            runs.clear()

    def detach(self) -> None:
        """Takes the hooks away. The model is then as it was."""
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
        runs = (f"{name}: {len(seen)} run(s)" for name, seen in self._runs.items())
        return f"Attached({', '.join(runs)})"


def attach(model: nn.Module, *, keep: Keep = "call") -> Attached:
    """Watches every torch.nn.LSTM, GRU and RNN, and every layer of ours, inside a model, from now on.

    The model runs as it is: hooks read what goes into a layer and what comes out, and recover every gate from that.

        with keepgate.lens.attach(model) as seen:
            model(x)
        seen["lstm"].trace.layer(0).f

    keep: "call" keeps the runs of the model's last call (of a layer's last, where it is called by itself), so that a
    training loop may go on for as long as it likes; "all" keeps every run until `clear()`.
    Rows are in the order in which the caller had them. Nothing of it has a gradient. A layer of several layers in
    training mode with dropout makes the model's call raise SettingsError: what is dropped cannot be seen.
    Raises SettingsError for a model without a recurrent layer, or for another `keep`.
    """
    if keep not in ("call", "all"):
        raise SettingsError(f'keep is {keep!r}; "call" keeps the runs of the last call, "all" every run')
    layers = {
        name or type(model).__name__: module
        for name, module in model.named_modules()
        if isinstance(module, RECURRENT)
    }
    if not layers:
        raise SettingsError(
            f"{type(model).__name__} has no recurrent layer inside; attach a model with torch.nn.LSTM, GRU or RNN, or "
            "with a layer of keepgate (LSTMCell and GRUCell are single steps, which your own loop already shows)"
        )
    return Attached(model, layers, keep)


class _Hook:
    """A hook that torch.compile leaves alone; a copied or unpickled model has one that records nothing."""

    def __init__(self, record: Callable[..., None] | None = None) -> None:
        self._record = record

    @torch.compiler.disable
    def __call__(self, *args: Any) -> None:
        if self._record is not None:
            self._record(*args)

    def __reduce__(self) -> tuple[type["_Hook"], tuple[()]]:
        return _Hook, ()


def _layer_run(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> LayerRun:
    given = dict(zip(("input", "hx"), args, strict=False)) | kwargs
    if isinstance(module, Recurrent):
        return _ours(module, given)
    if not (isinstance(result, tuple) and len(result) == 2):
        raise SettingsError(
            f"{type(module).__name__} returns {type(result).__name__} and not, as torch's layers do, its output and "
            "its states; attach the layer inside it, or let its forward return both"
        )
    output, final = result
    return recover(module, given["input"], given.get("hx"), output, final)


def _ours(module: Recurrent, given: dict[str, Any]) -> LayerRun:
    """The same run once more, with its trace."""
    refuse_dropout(module)
    arranged = in_callers_order(given["input"], module, given.get("lengths"))
    hx, resets = given.get("hx"), given.get("resets")
    if not arranged.batched:
        hx = None if hx is None else tuple(state.unsqueeze(1) for state in as_tuple(hx))
        resets = None if resets is None else resets.unsqueeze(1)
    elif arranged.batch_first and resets is not None:
        resets = resets.T
    if isinstance(hx, tuple) and len(hx) == 1:
        (hx,) = hx
    return capture_layer(module, arranged.x, hx, lengths=arranged.lengths, resets=resets)
