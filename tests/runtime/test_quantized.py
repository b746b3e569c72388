"""A quantized model as a folder: smaller, the same answers with torch and without, and no way past its checks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as tensors_to

import keepgate
from keepgate import runtime
from keepgate.errors import BundleError
from keepgate.export import load
from tests.export.test_bundle import rewrite
from tests.oracles import flat
from tests.runtime.models import TASKS, built, choice, items_of, saved

both_formats = pytest.mark.parametrize("weights", ["int8", "bfloat16"])


def answers_of(model: Any, items: Any) -> list[Any]:
    return [(answer.text, answer.start, answer.end, answer.probability) for answer in model.predict(items)]


@both_formats
@pytest.mark.parametrize("name", TASKS)
def test_a_folder_gives_the_answers_of_the_model_that_was_saved(
    name: str, weights: Any, tmp_path: Path
) -> None:
    task = built(name)
    before = saved(task, tmp_path / "before")
    report = keepgate.quantize(task, weights, linear="attention" in name)
    if not report.quantized:
        return
    folder = saved(task, tmp_path / "model")
    size = "weights.safetensors"
    narrow = load_tensors((folder / size).read_bytes())
    wide = load_tensors((before / size).read_bytes())
    bytes_of = [sum(t.numel() * t.itemsize for t in tensors.values()) for tensors in (narrow, wide)]
    assert bytes_of[0] < bytes_of[1]
    again, alone, items = load(folder), runtime.load(folder), items_of(task)
    expected = answers_of(task, items)
    assert answers_of(again, items) == expected
    for ours, theirs in zip(answers_of(alone, items), expected, strict=True):
        assert ours[:3] == theirs[:3]
        assert abs(ours[3] - theirs[3]) < 1e-6
    state, loaded = task.state_dict(), again.state_dict()
    assert state.keys() == loaded.keys()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in state.items())


@both_formats
def test_the_runtimes_layer_has_the_bits_of_torchs(weights: Any, tmp_path: Path) -> None:
    task = choice(cell="lstm", num_layers=2, bidirectional=False)
    assert keepgate.quantize(task.eval(), weights).quantized
    alone = runtime.load(saved(task, tmp_path / "model"))
    assert isinstance(alone.layer, runtime.Recurrent)
    layer, x = task.encoder.layer, torch.randn(6, 3, alone.layer.input_size)
    with torch.no_grad():
        expected = flat(layer(x, lengths=[6, 2, 0]))
    output, final = alone.layer(x.numpy(), lengths=np.array([6, 2, 0]))
    for ours, theirs in zip((output, *final), expected, strict=True):
        assert np.array_equal(ours, theirs.numpy())
    stepper = alone.stepper(3)
    whole, _ = alone.layer(x.numpy())
    assert np.array_equal(np.stack([stepper.step(step).copy() for step in x.numpy()]), whole)


@both_formats
def test_a_folder_whose_narrow_weights_do_not_fit_is_refused(weights: Any, tmp_path: Path) -> None:
    task = choice().eval()
    keepgate.quantize(task, weights)
    folder = saved(task, tmp_path / "model")
    tensors = load_tensors((folder / "weights.safetensors").read_bytes())
    name = next(key for key in tensors if key.endswith(f"_{weights}"))
    matrix, scale = name.removesuffix(f"_{weights}"), name.removesuffix(weights) + "scale"
    bad = {
        "has an unknown": {**tensors, f"readout.nothing_{weights}": tensors[name].clone()},
        "has no|has an unknown|make it": {key: tensor for key, tensor in tensors.items() if key != name}
        | {matrix: tensors[name]},
        "these settings make it": {**tensors, name: tensors[name][:-1].clone()},
    }
    if weights == "int8":
        bad["has no"] = {key: tensor for key, tensor in tensors.items() if key != scale}
        bad["NaN"] = {**tensors, scale: tensors[scale] * float("nan")}
    else:
        bad["NaN or infinity"] = {**tensors, name: tensors[name] * float("inf")}
    for reason, content in bad.items():
        rewrite(folder, "weights.safetensors", tensors_to(content))
        for loading in (load, runtime.load):
            with pytest.raises(BundleError, match=reason):
                loading(folder)
