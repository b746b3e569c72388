"""Recurrent networks whose memory you can see: drop-in layers with a trace, readers, and a lens."""

from .errors import (
    BundleError,
    CellError,
    ConversionError,
    CorpusError,
    ExportError,
    KeepgateError,
    KernelRefused,
    SettingsError,
    ShapeError,
    TrainingStopped,
)

# The layers need torch, which takes a second to import; `keepgate --help` does not.
_ROOMS = {
    "nn": (
        "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell", "Recurrent", "Trace", "explain_kernels", "freeze",
        "thaw",
    ),
    "swapping": ("swap", "unswap"),
    "equations": ("Step", "cell"),
}  # fmt: skip

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "BundleError",
    "CellError",
    "ConversionError",
    "CorpusError",
    "ExportError",
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
    "freeze",
    "swap",
    "thaw",
    "unswap",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("keepgate")
    from importlib import import_module

    if name in ("convert", "lens", "onnx"):
        return import_module(f"keepgate.{name}")
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"keepgate.{room}"), name)
    raise AttributeError(f"module 'keepgate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
