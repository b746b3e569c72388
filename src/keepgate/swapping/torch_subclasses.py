"""keepgate's layers as subclasses of torch's: the classes that `swap` gives to layers of torch.nn, in place.

By the order of their bases every method is ours. torch.compile breaks its graph at whatever is a torch.nn.LSTM, GRU or
RNN, unless dynamo's setting allow_rnn is on, so that the layers which keepgate exports are none; these are what
torch's layers were before the swap.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import nn

from ..kernels.torch_internals import compile_watches, forget_flat_weights, remember_flat_weights
from ..nn import layers, rnn_cells


def _between_graphs(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which torch.compile either takes into its graph or runs as it is, but never compiles in pieces."""

    @wraps(forward)
    def whole(*args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling() or not compile_watches():
            return forward(*args, **kwargs)
        return torch.compiler.disable(forward)(*args, **kwargs)  # type: ignore[no-untyped-call]

    return whole


def _subclass(ours: type[nn.Module], theirs: type[nn.Module]) -> type[nn.Module]:
    """keepgate's layer that is an instance of torch's class of the same name too."""
    about = f"keepgate.{ours.__name__} that is a torch.nn.{theirs.__name__}."
    body = {"__module__": __name__, "__doc__": about, "forward": _between_graphs(ours.forward)}
    return type(ours.__name__, (ours, theirs), body)


# By name, so that a swapped layer can be pickled.
RNN = _subclass(layers.RNN, nn.RNN)
LSTM = _subclass(layers.LSTM, nn.LSTM)
GRU = _subclass(layers.GRU, nn.GRU)
RNNCell = _subclass(rnn_cells.RNNCell, nn.RNNCell)
LSTMCell = _subclass(rnn_cells.LSTMCell, nn.LSTMCell)
GRUCell = _subclass(rnn_cells.GRUCell, nn.GRUCell)

OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU,
    nn.RNNCell: RNNCell, nn.LSTMCell: LSTMCell, nn.GRUCell: GRUCell,
}  # fmt: skip
THEIRS = {ours: theirs for theirs, ours in OURS.items()}

# What ours hold beside what torch's hold.
_OWN = ("cell", "_base_cell", "init", "horizon", "forget_bias", "regularisation", "_kernel", "_places")


def become_ours(layer: nn.Module) -> None:
    """Gives a layer whose class is one of torch's six the class of ours; the object and all it holds stay."""
    theirs: Any = layer
    size = {"input_size": theirs.input_size, "hidden_size": theirs.hidden_size, "bias": theirs.bias}
    if hasattr(theirs, "nonlinearity"):
        size["nonlinearity"] = theirs.nonlinearity
    if isinstance(layer, nn.RNNBase):
        size |= {
            "num_layers": layer.num_layers,
            "bidirectional": layer.bidirectional,
            "proj_size": layer.proj_size,
        }
        forget_flat_weights(layer)
    kind: Any = OURS[type(layer)]
    built = kind(**size, device="meta")
    layer.__dict__.update({name: built.__dict__[name] for name in _OWN if name in built.__dict__})
    layer.__class__ = kind


def become_torchs(layer: nn.Module) -> None:
    """Gives a layer that `become_ours` changed its class back."""
    for name in _OWN:
        layer.__dict__.pop(name, None)
    layer._modules.pop("gates", None)
    layer.__class__ = THEIRS[type(layer)]
    if isinstance(layer, nn.RNNBase):
        remember_flat_weights(layer)
