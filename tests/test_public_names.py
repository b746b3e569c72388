"""The public names are these, and each is documented."""

import inspect

import pytest

import keepgate
import keepgate.arrays
import keepgate.c99
import keepgate.cells
import keepgate.convert
import keepgate.data
import keepgate.emit
import keepgate.equations
import keepgate.export
import keepgate.kernels
import keepgate.lens
import keepgate.nn
import keepgate.onnx
import keepgate.runtime
import keepgate.swapping
import keepgate.tasks
import keepgate.train

NAMES = [
    "EALSTM", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell", "Recurrent", "Trace", "explain_kernels",
    "BundleError", "CellError", "ConversionError", "CorpusError", "ExportError", "KeepgateError", "KernelRefused",
    "PackageMissing", "SettingsError", "ShapeError", "Step", "TrainingStopped", "cell", "freeze", "swap", "thaw",
    "quantize", "unswap",
]  # fmt: skip

ROOMS = [
    keepgate, keepgate.arrays, keepgate.c99, keepgate.cells, keepgate.convert, keepgate.data, keepgate.emit,
    keepgate.equations, keepgate.export, keepgate.kernels, keepgate.lens, keepgate.nn, keepgate.onnx, keepgate.runtime,
    keepgate.swapping, keepgate.tasks, keepgate.train,
]  # fmt: skip


def test_the_public_names_are_these():
    assert sorted(keepgate.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(keepgate))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Lstm'"):
        keepgate.Lstm  # noqa: B018


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_what_a_room_offers_exists_and_is_documented(room):
    assert room.__doc__
    for name in getattr(room, "__all__", []):
        offered = getattr(room, name)
        if inspect.isclass(offered) or inspect.isfunction(offered):
            assert inspect.getdoc(offered), f"{room.__name__}.{name} has no docstring"
