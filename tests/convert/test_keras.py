"""Files of Keras: every layer and whole models give Keras' numbers, and nothing of a file is run."""

import json
import logging
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

import keepgate
from keepgate import cells, convert, lens
from keepgate.nn import Recurrent

from .random_keras import random_model

pytestmark = [
    pytest.mark.usefixtures("as_users_run"),
    pytest.mark.filterwarnings("ignore:.*so the reference runs it"),
    # Keras' torch backend, when it saves.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def keras():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger("absl"), "disabled", True)
        import keras

        yield keras


def agree(seed, folder):
    """The largest difference to Keras, relative to its largest number where that is above 1."""
    model, given = random_model(seed)
    expected = model(given).detach()
    file = folder / f"model.{('keras', 'h5')[seed % 2]}"
    model.save(file)
    with torch.no_grad():
        output = convert.keras(file)(torch.from_numpy(given))
    assert output.shape == expected.shape
    difference = float((output - expected).abs().max()) / max(float(expected.abs().max()), 1.0)
    assert difference < 1e-5, (seed, difference)
    return difference


@pytest.mark.parametrize("seed", range(10))
def test_random_models(seed, keras, tmp_path):
    agree(seed, tmp_path)


@pytest.mark.slow
def test_two_hundred_random_models(keras, tmp_path):
    print(f"200 models: largest difference {max(agree(seed, tmp_path) for seed in range(1000, 1200)):.2g}")


def tagger(keras):
    layers = keras.layers
    return keras.Sequential([
        layers.Input((None,), dtype="int32"),
        layers.Embedding(10, 4, name="words"),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"),
        layers.GRU(5, return_sequences=True, reset_after=False, name="before"),
        layers.GRU(5, return_sequences=True, name="after"),
        layers.SimpleRNN(4, return_sequences=True, activation="relu", name="plain"),
        layers.TimeDistributed(layers.Dense(2, activation="softmax"), name="tags"),
    ])  # fmt: skip


KINDS = {
    "words": nn.Embedding, "both": cells.lstm, "before": cells.gru_reset_before, "after": cells.gru,
    "plain": cells.rnn_relu, "tags": nn.Linear,
}  # fmt: skip


def kinds(layers):
    return {
        name: layer.cell if isinstance(layer, Recurrent) else type(layer) for name, layer in layers.items()
    }


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_layers_by_name_in_every_kind_of_file(name, keras, tmp_path):
    model = tagger(keras)
    for weight in model.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape) * 0.5)
    (model.save_weights if "weights" in name else model.save)(tmp_path / name)
    ours = convert.keras(tmp_path / name)
    # Weights alone do not say that the plain layer has a relu.
    assert kinds(ours.layers) == {**KINDS, **({"plain": cells.rnn_tanh} if "weights" in name else {})}
    assert ours.layers["both"].bidirectional
    x = torch.randint(0, 10, (2, 5))
    with torch.no_grad():
        value = ours.layers["words"](x)
        for layer in ("both", "before", "after"):
            value, _ = ours.layers[layer](value)
        part = keras.Model(model.inputs, model.get_layer("after").output)
        torch.testing.assert_close(value, part(x).detach(), rtol=1e-5, atol=1e-5)
        if "weights" in name:
            with pytest.raises(keepgate.ConversionError, match="has weights without a configuration"):
                ours(x)
        else:
            torch.testing.assert_close(ours(x), model(x).detach(), rtol=1e-5, atol=1e-5)


def test_a_file_of_keras_2_with_a_long_list_of_names(tmp_path):
    import h5py

    draw = np.random.default_rng(3).normal
    arrays = {"kernel": draw(size=(3, 8)), "recurrent_kernel": draw(size=(2, 8)), "bias": draw(size=8)}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [b"drop"], [b"memory"]
        file.attrs["keras_version"] = b"2.15.0"
        file.create_group("drop").attrs["weight_names"] = []
        group = file.create_group("memory")
        group.attrs["weight_names"] = np.array([f"memory/lstm_cell/{name}:0" for name in arrays], "S")
        for name, array in arrays.items():
            group[f"memory/lstm_cell/{name}:0"] = array.astype(np.float32)
    layer = convert.keras(tmp_path / "old.h5").layers["memory"]
    theirs = nn.LSTM(3, 2, batch_first=True)
    with torch.no_grad():
        # torch's blocks i f g o are Keras' i f c o.
        theirs.weight_ih_l0.copy_(torch.from_numpy(arrays["kernel"].T))
        theirs.weight_hh_l0.copy_(torch.from_numpy(arrays["recurrent_kernel"].T))
        theirs.bias_ih_l0.copy_(torch.from_numpy(arrays["bias"]))
        theirs.bias_hh_l0.zero_()
        x = torch.randn(2, 5, 3)
        torch.testing.assert_close(layer(x)[0], theirs(x)[0])


def test_an_attribute_that_announces_more_than_it_has_makes_nothing(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["layer_names"] = ["name"] * 1234
    content = (tmp_path / "a.h5").read_bytes()
    assert content.count((1234).to_bytes(8, "little")) >= 1
    (tmp_path / "a.h5").write_bytes(
        content.replace((1234).to_bytes(8, "little"), (1 << 33).to_bytes(8, "little"))
    )
    with pytest.raises(keepgate.ConversionError, match="announces 8,589,934,592 entries"):
        convert.keras(tmp_path / "a.h5")


def test_the_lens_works_on_what_was_read(keras, tmp_path):
    tagger(keras).save(tmp_path / "a.keras")
    model, x = convert.keras(tmp_path / "a.keras"), torch.randint(0, 10, (2, 5))
    with torch.no_grad(), lens.attach(model) as captured:
        model(x)
    assert len(list(captured)) == 4
    trace = model.layers["both"].trace(model.layers["words"](x))
    assert {"i", "f", "g", "o", "c", "h"} <= {*trace.layers[0].names}


def test_a_lambda_is_refused_and_not_run(keras, tmp_path):
    model = keras.Sequential(
        [keras.layers.Input((4, 3)), keras.layers.LSTM(2), keras.layers.Lambda(lambda x: x * 2, name="code")]
    )
    for name in ("a.keras", "a.h5"):
        model.save(tmp_path / name)
        with pytest.raises(
            keepgate.ConversionError, match="'code' is a Lambda, whose code is inside the file and is not run"
        ):
            convert.keras(tmp_path / name)


def test_a_layer_that_is_not_known_leaves_the_others(keras, tmp_path):
    model = keras.Sequential(
        [
            keras.layers.Input((6, 3)),
            keras.layers.Conv1D(4, 2, name="conv"),
            keras.layers.LSTM(2, name="lstm"),
        ]
    )
    model.save(tmp_path / "a.keras")
    ours = convert.keras(tmp_path / "a.keras")
    assert kinds(ours.layers) == {"lstm": cells.lstm}
    with pytest.raises(
        keepgate.ConversionError, match="its layer 'conv' is a Conv1D, which has no counterpart here"
    ):
        ours(torch.randn(1, 6, 3))


def test_a_model_with_two_paths_says_which_layer_is_no_next(keras, tmp_path):
    first = keras.Input((4, 3))
    sides = [keras.layers.LSTM(2, name=name)(first) for name in ("left", "right")]
    keras.Model(first, keras.layers.Add(name="both")(sides)).save(tmp_path / "a.keras")
    ours = convert.keras(tmp_path / "a.keras")
    assert kinds(ours.layers) == {"left": cells.lstm, "right": cells.lstm}
    with pytest.raises(
        keepgate.ConversionError, match=r"its layer 'right' reads input_layer.*is not simply the next"
    ):
        ours(torch.randn(1, 4, 3))


def test_directions_that_differ_are_two_layers(keras, tmp_path):
    layers = keras.layers
    both = layers.Bidirectional(
        layers.LSTM(3, return_sequences=True, activation="relu"), name="both", merge_mode="concat",
        backward_layer=layers.GRU(2, return_sequences=True, go_backwards=True),
    )  # fmt: skip
    model = keras.Sequential([layers.Input((5, 3)), both])
    model.save(tmp_path / "a.keras")
    ours, x = convert.keras(tmp_path / "a.keras"), torch.randn(2, 5, 3)
    assert [*ours.layers] == ["both", "both_reverse"]
    assert ours.layers["both_reverse"].cell is cells.gru
    torch.testing.assert_close(ours(x).detach(), model(x).detach(), rtol=1e-5, atol=1e-5)


def test_padding_before_a_token_is_refused(keras, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(9, 3, mask_zero=True),
            keras.layers.LSTM(2),
        ]
    )
    model.save(tmp_path / "a.keras")
    with pytest.raises(keepgate.ShapeError, match="put the padding behind the tokens"):
        convert.keras(tmp_path / "a.keras")(torch.tensor([[0, 3, 4]]))


def test_files_that_are_none_say_so(keras, tmp_path):
    (tmp_path / "text").write_text("no model")
    (tmp_path / "empty").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("config.json", "{}")
    tagger(keras).save(tmp_path / "a.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:3000])
    for name, message in (
        ("missing", "cannot be read: No such file"), (".", "cannot be read|folder"), ("text", "no HDF5 file"),
        ("empty", "no HDF5 file"), ("other.zip", "no .keras file"), ("cut.h5", "damaged|read"),
    ):  # fmt: skip
        with pytest.raises(keepgate.ConversionError, match=message):
            convert.keras(tmp_path / name)


def rewritten(file, member, change):
    """The archive with one member changed."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member] = change(parts[member])
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("activation", "sine", "'lstm' has activation='sine'; known are"),
        ("activation", {"class_name": "function", "config": "evil"}, "has activation=.*evil"),
        ("units", 7, None),
        ("return_state", True, "'lstm' has return_state=True"),
        ("name", 5, None),
    ],
)
def test_settings_that_are_not_known_are_named(setting, value, message, keras, tmp_path):
    keras.Sequential([keras.Input((4, 3)), keras.layers.LSTM(2, name="lstm")]).save(tmp_path / "a.keras")

    def change(content):
        config = json.loads(content)
        config["config"]["layers"][1]["config"][setting] = value
        return json.dumps(config)

    rewritten(tmp_path / "a.keras", "config.json", change)
    if message is None:
        # The arrays say how many units there are, and a place says whose they are.
        assert convert.keras(tmp_path / "a.keras")(torch.randn(1, 4, 3)).shape == (1, 2)
        return
    with pytest.raises(keepgate.ConversionError, match=message):
        convert.keras(tmp_path / "a.keras")(torch.randn(1, 4, 3))


def test_what_would_unpack_to_more_than_the_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            archive.writestr(name, b"0" * (1 << 25))
    with pytest.raises(keepgate.ConversionError, match="would have 33,554,432 bytes in an archive of"):
        convert.keras(tmp_path / "a.keras")


def test_what_is_not_installed_is_named_with_the_command(keras, tmp_path, monkeypatch):
    from keepgate.convert import hdf5

    tagger(keras).save(tmp_path / "a.h5")
    monkeypatch.setattr(hdf5, "find_spec", lambda _: None)
    with pytest.raises(keepgate.SettingsError, match=r"needs pyfive.*pip install 'keepgate\[keras\]'"):
        convert.keras(tmp_path / "a.h5")
