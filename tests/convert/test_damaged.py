"""Files of ONNX and Keras with damaged bytes: an error of ours or a result, no crash, no hang, and nothing is run."""

import json
import logging

import numpy as np
import onnx
import pytest
import torch

import keepgate.onnx
from keepgate import convert
from tests.onnx.random_graphs import random_graph

from .mutations import fuzz, mutated, mutated_proto

pytestmark = [
    pytest.mark.usefixtures("as_users_run"),
    pytest.mark.filterwarnings("ignore"),
]


def onnx_read(file):
    """Reads a file, and runs it on inputs of the shapes that it announces, of ones where it announces none."""

    def read():
        model = keepgate.onnx.load(file)
        entries = {entry.name: entry.type.tensor_type for entry in onnx.load(file).graph.input}
        feeds = []
        for name, dtype in zip(model.inputs, model._dtypes, strict=True):
            dims = [dim.dim_value if 0 < dim.dim_value < 64 else 3 for dim in entries[name].shape.dim]
            feeds.append(torch.ones(dims[:6], dtype=dtype))
        with torch.no_grad():
            model(*feeds)

    return read


def fuzz_onnx(folder, seeds):
    originals = [random_graph(seed)[0].SerializeToString() for seed in range(20)]
    file = folder / "a.onnx"

    def mutate(content, chance):
        return (mutated_proto if chance.random() < 0.75 else mutated)(content, chance)

    return fuzz(originals, file, onnx_read(file), seeds, mutate)


@pytest.fixture(scope="module")
def keras_files(tmp_path_factory):
    return small_keras_files(tmp_path_factory.mktemp("keras"))


def small_keras_files(folder):
    """The content of small files of Keras: an archive, and both kinds of HDF5."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger("absl"), "disabled", True)
        import keras

        layers = [
            keras.Input((3,), dtype="int32"), keras.layers.Embedding(5, 2),
            keras.layers.GRU(2, reset_after=False), keras.layers.Dense(2, activation="softmax"),
        ]  # fmt: skip
        model = keras.Sequential(layers)
        model.save(folder / "a.keras")
        model.save(folder / "a.h5")
        model.save_weights(folder / "b.weights.h5")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def keras_read(file):
    def read():
        model = convert.keras(file)
        for layer in model.layers.values():
            assert all(np.prod(weight.shape) < 10_000 for weight in layer.parameters())
        if model._no_call is None:
            with torch.no_grad():
                model(torch.ones(2, 3, dtype=torch.int64))

    return read


def fuzz_keras(files, names, folder, seeds):
    return fuzz([files[name] for name in names], folder / "a", keras_read(folder / "a"), seeds)


def test_damaged_onnx_files(tmp_path):
    outcomes = fuzz_onnx(tmp_path, range(300))
    assert set(outcomes) <= {"read", "ConversionError", "ShapeError", "SettingsError", "CellError"}
    assert 30 < outcomes["read"] < 270


@pytest.mark.parametrize("names", [["a.keras"], ["a.h5", "b.weights.h5"]], ids=["archive", "hdf5"])
def test_damaged_keras_files(names, keras_files, tmp_path):
    outcomes = fuzz_keras(keras_files, names, tmp_path, range(100))
    assert outcomes["read"] < 90
    assert outcomes["ConversionError"] > 10


@pytest.mark.slow
@pytest.mark.timeout(20_000)
def test_a_hundred_thousand_damaged_files(keras_files, tmp_path):
    print(json.dumps({
        "onnx": fuzz_onnx(tmp_path, range(10_000, 44_000)),
        "keras": fuzz_keras(keras_files, ["a.keras"], tmp_path, range(10_000, 43_000)),
        "h5": fuzz_keras(keras_files, ["a.h5", "b.weights.h5"], tmp_path, range(10_000, 43_000)),
    }))  # fmt: skip
