"""Recurrent networks whose memory you can see: drop-in layers with a trace, readers, and a lens."""

from .errors import (
    BundleError,
    CellError,
    CorpusError,
    KeepgateError,
    KernelRefused,
    SettingsError,
    ShapeError,
    TrainingStopped,
)

# The layers need torch, which takes a second to import; `keepgate --help` does not.
_LAYERS = ("GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell", "Recurrent", "Trace", "explain_kernels")

# The language of cells.
_EQUATIONS = ("Step", "cell")

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "BundleError",
    "CellError",
    "CorpusError",
    "GRUCell",
    "KeepgateError",
    "KernelRefused",
    "LSTMCell",
    "RNNCell",
    "Recurrent",
    "SettingsError",
    "ShapeError",
    "Step",
    "Trace",
    "TrainingStopped",
    "cell",
    "explain_kernels",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("keepgate")
    if name in _LAYERS:
        from . import nn

        return getattr(nn, name)
    if name in _EQUATIONS:
        from . import equations

        return getattr(equations, name)
    if name == "lens":
        from importlib import import_module

        return import_module("keepgate.lens")
    raise AttributeError(f"module 'keepgate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
