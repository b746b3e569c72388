"""An exported layer gives the layer's numbers on ONNX Runtime: every cell and option, ragged rows, carried states."""

import copy
import random

import onnx
import pytest
import torch
from torch import nn

import keepgate
import keepgate.onnx
from keepgate import cells
from keepgate.equations import Step, cell
from keepgate.nn import Recurrent
from tests.kernels.user_cells import everything, reads_memory
from tests.onnx.configurations import random_call, random_layer, run_file
from tests.oracles import flat

pytestmark = pytest.mark.usefixtures("as_users_run")
CELLS = pytest.mark.parametrize("described", cells.CELLS, ids=lambda described: described.name)


def same(file, layer, call):
    """At shapes that the export did not check, rows without any step among them: to 1e-5, or the layer's own rounding.

    Where that is above 1e-5: how far the layer and the file are from the layer in float64; else None.
    """
    with torch.no_grad():
        expected, found = flat(layer(**call)), run_file(file, layer, call)
        if largest_gap(expected, found) <= 1e-5:
            return None
        double = {
            name: [part.double() for part in value]
            if isinstance(value, (tuple, list))
            else value.double()
            if value.is_floating_point()
            else value
            for name, value in call.items()
        }
        double |= {"hx": tuple(double["hx"])} if isinstance(call.get("hx"), tuple) else {}
        exact = flat(copy.deepcopy(layer).double()(**double))
    own, files = (largest_gap(exact, numbers) for numbers in (expected, found))
    assert files <= 1e-5 + 2 * own
    assert own < 1e-3
    return own, files


def largest_gap(right, numbers):
    """Of each number relative to its size where that is above 1."""
    gaps = []
    for theirs, ours in zip(right, numbers, strict=True):
        assert ours.shape == theirs.shape
        gaps.append(((ours - theirs).abs() / theirs.abs().clamp_min(1)).flatten().double())
    return torch.cat(gaps).max().item()


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "batch_first": True, "bias": False}])
@CELLS
def test_every_cell_with_ragged_rows_and_states(described, options, tmp_path):
    layer, chance = Recurrent(described, 3, 5, 2, **options).eval(), random.Random(0)
    keys = {"input", "hx", "lengths"}
    report = keepgate.onnx.export(layer, tmp_path / "a.onnx", random_call(layer, chance, 6, 3, keys))
    assert report.difference < 1e-5
    assert len(report.shapes) == 3
    operator = "Scan" if described.onnx is None else described.onnx.operator
    assert report.operators == {operator: 2 * layer.directions}
    onnx.checker.check_model(onnx.load(report.file), full_check=True)
    for steps, rows in ((9, 6), (1, 1), (2, 8)):
        same(report.file, layer, random_call(layer, chance, steps, rows, keys))


@CELLS
def test_resets_float64_and_projections_are_a_scan(described, tmp_path):
    options = {} if described.reads_output or described.recurrent != "dense" else {"proj_size": 2}
    layer = Recurrent(described, 3, 5, bidirectional=True, dtype=torch.float64, **options).eval()
    chance, keys = random.Random(1), {"input", "lengths", "resets"}
    report = keepgate.onnx.export(layer, tmp_path / "a.onnx", random_call(layer, chance, 6, 3, keys))
    assert report.operators == {"Scan": 2}
    assert report.difference < 1e-12
    for steps, rows in ((9, 6), (1, 1)):
        same(report.file, layer, random_call(layer, chance, steps, rows, keys))


@cell(gates="a", states="h c", vectors="p")
def alike_in_every_row(wx, uh, s, v):
    return Step(h=(wx.a + uh.a).tanh() * 0.5 + s.c * 0.0, c=v.p.sigmoid())


@pytest.mark.parametrize(
    "described", [everything, alike_in_every_row, reads_memory], ids=lambda found: found.name
)
def test_a_cell_of_ones_own_is_a_scan_of_its_equations(described, tmp_path):
    layer, chance = Recurrent(described, 3, 5).eval(), random.Random(2)
    keys = {"input", "hx", "lengths", "resets"}
    report = keepgate.onnx.export(layer, tmp_path / "a.onnx", random_call(layer, chance, 6, 3, keys))
    assert report.operators == {"Scan": 1}
    same(report.file, layer, random_call(layer, chance, 8, 4, keys))


def test_streaming_has_the_states_as_inputs_and_outputs_and_goes_on_from_them(tmp_path):
    layer = keepgate.LSTM(3, 5, 2).eval()
    x = torch.randn(7, 2, 3)
    report = keepgate.onnx.export(layer, tmp_path / "a.onnx", x, streaming=True)
    assert list(report.inputs) == ["input", "h_0", "c_0"]
    assert list(report.outputs) == ["output", "h_n", "c_n"]
    states, outputs = (torch.zeros(2, 2, 5), torch.zeros(2, 2, 5)), []
    for step in x:
        output, *states = run_file(report.file, layer, {"input": step[None], "hx": tuple(states)})
        outputs.append(output)
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(outputs), layer(x)[0], rtol=1e-5, atol=1e-5)


def test_torchs_own_layer_is_exported_and_stays_torchs(tmp_path):
    layer = torch.nn.GRU(3, 5, batch_first=True)
    layer.train()
    report = keepgate.onnx.export(layer, tmp_path / "a.onnx", {"input": torch.randn(4, 6, 3)})
    assert report.operators == {"GRU": 1}
    assert type(layer) is torch.nn.GRU
    assert layer.training
    assert str(report).splitlines()[-1].startswith("  largest difference on ONNX Runtime: ")


def test_a_wrong_order_of_gates_is_found_and_nothing_is_written(tmp_path, monkeypatch):
    described = cells.lstm.onnx
    monkeypatch.setitem(cells.lstm.__dict__, "onnx", type(described)(described.operator, gates="f i o g"))
    file = tmp_path / "a.onnx"
    file.write_bytes(b"what was there")
    with pytest.raises(keepgate.ExportError, match="differs from the model's by"):
        keepgate.onnx.export(keepgate.LSTM(3, 5), file, torch.randn(4, 2, 3))
    assert file.read_bytes() == b"what was there"
    assert [*tmp_path.iterdir()] == [file]


class Silent(nn.Module):
    def forward(self, x):
        return None


def spoilt():
    layer = keepgate.LSTM(3, 4)
    with torch.no_grad():
        layer.weight_hh_l0[2, 1] = torch.nan
    return layer


@pytest.mark.parametrize(
    ("make", "example", "options", "error", "message"),
    [
        (lambda: keepgate.LSTM(3, 4), None, {}, keepgate.SettingsError, "a LSTM needs an example"),
        (lambda: keepgate.LSTM(3, 4), {"x": torch.randn(4, 2, 3)}, {}, keepgate.SettingsError, "does not fit LSTM"),
        (lambda: keepgate.LSTM(3, 4), torch.randn(4, 2, 9), {}, keepgate.ShapeError, "9 features"),
        (lambda: keepgate.LSTM(3, 4).bfloat16(), torch.randn(4, 2, 3), {}, keepgate.SettingsError, "bfloat16 on cpu"),
        (lambda: keepgate.LSTM(3, 4, device="meta"), torch.randn(4, 2, 3), {}, keepgate.SettingsError, "on meta"),
        (dict, torch.randn(4, 2, 3), {}, TypeError, "the model is a dict"),
        (
            lambda: keepgate.LSTM(3, 4), torch.randn(4, 0, 3), {},
            keepgate.SettingsError, r"shape \[4, 0, 3\] and no number",
        ),
        (
            lambda: keepgate.LSTM(3, 4), torch.full((4, 2, 3), torch.nan), {},
            keepgate.SettingsError, "input has NaN among its numbers",
        ),
        (Silent, torch.randn(4, 2, 3), {}, keepgate.SettingsError, "Silent gives no tensor for the example"),
        (spoilt, torch.randn(4, 2, 3), {}, keepgate.SettingsError, "weight_hh_l0 has NaN among its numbers"),
        (
            lambda: keepgate.GRU(3, 4), nn.utils.rnn.pack_sequence([torch.randn(4, 3)]), {},
            keepgate.SettingsError, "give the padded tensor, and its lengths=",
        ),
        (
            lambda: keepgate.GRU(3, 4, bidirectional=True), torch.randn(4, 2, 3), {"streaming": True},
            keepgate.SettingsError, "reads in both directions",
        ),
        (
            lambda: torch.nn.Linear(3, 4), torch.randn(4, 3), {"streaming": True},
            keepgate.SettingsError, "no recurrent layer",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_says_why_and_writes_nothing(
    make, example, options, error, message, tmp_path
):
    with pytest.raises(error, match=message):
        keepgate.onnx.export(make(), tmp_path / "a.onnx", example, **options)
    assert not [*tmp_path.iterdir()]


def test_a_file_that_cannot_be_written_says_where_and_what_to_do(tmp_path):
    with pytest.raises(keepgate.ExportError, match=r"cannot write the ONNX file .*a\.onnx.*make it"):
        keepgate.onnx.export(keepgate.GRU(3, 4), tmp_path / "missing" / "a.onnx", torch.randn(4, 2, 3))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(keepgate.ExportError, match="it is a folder: name a file"):
        keepgate.onnx.export(keepgate.GRU(3, 4), tmp_path, torch.randn(4, 2, 3))


def test_what_is_not_installed_is_named_with_the_command(monkeypatch):
    from keepgate.onnx import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(keepgate.SettingsError, match=r"needs onnxscript.*pip install 'keepgate\[onnx\]'"):
        keepgate.onnx.export(keepgate.GRU(3, 4), "never.onnx", torch.randn(4, 2, 3))


@pytest.mark.parametrize("seed", range(12))
def test_random_layers(seed, tmp_path):
    agree(seed, tmp_path)


def agree(seed, tmp_path):
    """The largest difference; and where one is above 1e-5, how far layer and file are from the layer in float64."""
    chance = random.Random(seed)
    layer = random_layer(chance)
    call = random_call(layer, chance, 6, 3)
    report = keepgate.onnx.export(layer, tmp_path / "a.onnx", call)
    assert (report.difference <= 1e-5) == (report.rounding is None)
    roundings = [report.rounding]
    for steps, rows in ((1, 1), (chance.randint(1, 20), chance.randint(1, 9))):
        roundings.append(same(report.file, layer, random_call(layer, chance, steps, rows, call.keys())))
    return report.difference, max((each for each in roundings if each is not None), default=None)


def agreement(seeds, folder):
    """The largest difference of those within 1e-5, and by seed the layers that round by more.

    Those are normalised ones: where the units of a row are nearly alike, dividing by their deviation makes the rounding
    of the sums before it, in another order in each, up to 1 / sqrt(1e-5) times as large.
    """
    largest, rounded = 0.0, {}
    for seed in seeds:
        difference, rounding = agree(seed, folder)
        if rounding is None:
            largest = max(largest, difference)
        else:
            name = random_layer(random.Random(seed)).cell.name
            rounded[seed] = {
                "cell": name,
                "difference": difference,
                "layer": rounding[0],
                "file": rounding[1],
            }
    return largest, rounded


@pytest.mark.slow
def test_five_hundred_random_layers(tmp_path):
    largest, rounded = agreement(range(1000, 1500), tmp_path)
    print(
        f"500 layers, each at 5 shapes: largest difference {largest:.2g}, and of the others' own rounding {rounded}"
    )
    assert {each["cell"] for each in rounded.values()} <= {"layer_norm_lstm", "layer_norm_gru"}
    assert len(rounded) < 10
