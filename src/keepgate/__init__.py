"""Recurrent networks whose memory you can see: drop-in layers with a trace, readers, and a lens."""

from importlib import import_module

from .errors import (
    BundleError,
    CellError,
    ConversionError,
    CorpusError,
    ExportError,
    KeepgateError,
    KernelRefused,
    PackageMissing,
    SettingsError,
    ShapeError,
    TrainingStopped,
)
from .lazy import lazy_exports, missing_package

# The layers need torch, which takes a second to import; `keepgate --help` and `keepgate.runtime` do not.
_ROOMS = {
    "nn": (
        "EALSTM", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell", "Recurrent", "Trace", "explain_kernels",
        "freeze", "thaw",
    ),
    "swapping": ("quantize", "swap", "unswap"),
    "equations": ("Step", "cell"),
}  # fmt: skip

__all__ = [
    "EALSTM",
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
    "PackageMissing",
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
    "quantize",
    "swap",
    "thaw",
    "unswap",
]


_PACKAGES = ("c99", "convert", "lens", "onnx", "runtime")
_get, _ = lazy_exports(__name__, _ROOMS)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("keepgate")
    if name not in _PACKAGES:
        return _get(name)
    try:
        return import_module(f"keepgate.{name}")
    except ModuleNotFoundError as missing:
        raise missing_package(f"keepgate.{name}", missing) from missing


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
