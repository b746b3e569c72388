"""quantize: a narrow layer computes what a float32 layer with the rounded weights does, on every path."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import keepgate
from keepgate import cells, lens
from keepgate.arrays.narrow import NarrowMatrix
from keepgate.errors import KernelRefused, SettingsError
from keepgate.nn import Recurrent
from keepgate.nn.parameters import PlaceParameters
from tests.kernels.test_instruction_sets import OTHERS, run_python
from tests.kernels.user_cells import janet, two_values
from tests.oracles import agrees, by_kernel, flat
from tests.swapping.models import tagger

every_cell = pytest.mark.parametrize("cell", [*cells.CELLS, janet], ids=lambda cell: cell.name)
both_formats = pytest.mark.parametrize("weights", ["int8", "bfloat16"])


def rounded(layer, weights):
    """A copy in float32 whose matrices have the numbers that they are rounded to."""
    twin = copy.deepcopy(layer)
    for parameter in twin.parameters():
        if parameter.dim() == 2:
            parameter.data = torch.from_numpy(NarrowMatrix.of(parameter.detach().numpy(), weights).widened())
    return twin


def quantized(layer, weights):
    """The layer, quantized in place, and its twin."""
    twin = rounded(layer, weights)
    report = keepgate.quantize(layer, weights)
    assert report.quantized, str(report)
    return layer, twin


@torch.no_grad()
def same(layer, twin, *args, **options):
    """Both give the same to rounding, and the reference of the twin too."""
    result = flat(layer(*args, **options))
    for mine, other in zip(result, flat(by_kernel(twin, "reference")(*args, **options)), strict=True):
        agrees(mine, other)
    for mine, other in zip(result, flat(twin(*args, **options)), strict=True):
        agrees(mine, other)
    return result


@both_formats
@every_cell
def test_every_cell_agrees_with_float32_layers_of_the_rounded_weights(cell, weights):
    for hidden, rows, steps, options in (
        (1, 1, 3, {}),
        (9, 2, 7, {"num_layers": 2}),
        (33, 5, 4, {"bidirectional": True, "bias": False}),
        (64, 1, 5, {}),
        (70, 17, 1, {"batch_first": False}),
    ):
        layer, twin = quantized(Recurrent(cell, 13, hidden, **options), weights)
        same(layer, twin, torch.randn(steps, rows, 13))


@both_formats
def test_lengths_resets_projections_states_and_layouts(weights):
    layer, twin = quantized(keepgate.LSTM(10, 36, 2, proj_size=20, bidirectional=True), weights)
    x, lengths, resets = torch.randn(9, 4, 10), torch.tensor([9, 0, 4, 7]), torch.rand(9, 4) < 0.3
    same(layer, twin, x, lengths=lengths)
    same(layer, twin, x, resets=resets, lengths=lengths)
    same(layer, twin, x, (torch.randn(4, 4, 20), torch.randn(4, 4, 36)))
    same(layer, twin, x[:, 0])
    same(layer, twin, nn.utils.rnn.pack_padded_sequence(x, torch.tensor([9, 8, 4, 1])))
    layer, twin = quantized(keepgate.GRU(6, 40, batch_first=True), weights)
    same(layer, twin, torch.randn(3, 8, 6), torch.randn(1, 3, 40))


@both_formats
def test_a_row_has_the_same_bits_in_any_batch_in_pieces_and_on_any_threads(weights):
    layer, _ = quantized(keepgate.LSTM(50, 130), weights)
    x = torch.randn(30, 19, 50)
    with torch.no_grad():
        output, final = layer(x)
        for row in (0, 7, 18):
            alone, _ = layer(x[:, row : row + 1])
            assert torch.equal(alone, output[:, row : row + 1])
        first, states = layer(x[:11])
        second, last = layer(x[11:], states)
        assert torch.equal(torch.cat([first, second]), output)
        assert all(map(torch.equal, last, final))
        threads = torch.get_num_threads()
        try:
            for count in (1, 2, 3):
                torch.set_num_threads(count)
                assert torch.equal(layer(x)[0], output)
                assert torch.equal(layer(x[:, :1])[0], output[:, :1])
        finally:
            torch.set_num_threads(threads)


@both_formats
@every_cell
def test_steppers_and_traces_have_the_bits_of_the_layer(cell, weights):
    layer, twin = quantized(Recurrent(cell, 7, 40, 2), weights)
    x = torch.randn(6, 3, 7)
    with torch.no_grad():
        output, _ = layer(x)
        trace, expected = layer.trace(x), twin.trace(x)
    stepper = layer.stepper(3)
    assert torch.equal(torch.stack([stepper.step(step).clone() for step in x]), output)
    assert torch.equal(trace.output, output)
    for mine, other in zip(trace.layers, expected.layers, strict=True):
        for name, values in mine.over_time.items():
            agrees(values, other.over_time[name])


@both_formats
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("LSTM", {"layer_norm": True}),
        ("GRU", {"layer_norm": True}),
        ("LSTM", {"coupled": True}),
        ("LSTM", {"zoneout": (0.1, 0.4), "recurrent_dropout": 0.2, "weight_drop": 0.3}),
        ("GRU", {"zoneout": (0.2, 0.0)}),
        ("RNN", {"zoneout": (0.2, 0.0), "recurrent_dropout": 0.2}),
    ],
    ids=str,
)
def test_layers_of_every_option(kind, options, weights):
    layer, twin = quantized(getattr(keepgate, kind)(7, 33, 2, bidirectional=True, **options).eval(), weights)
    same(layer, twin, torch.randn(6, 3, 7), lengths=[6, 2, 4])


@both_formats
@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells_of_one_step(kind, weights):
    layer, twin = quantized(getattr(keepgate, kind)(5, 33), weights)
    same(layer, twin, torch.randn(3, 5))
    with torch.no_grad():
        for mine, other in zip(flat(layer(torch.randn(5) * 0)), flat(twin(torch.zeros(5))), strict=True):
            agrees(mine, other)
    with pytest.raises(KernelRefused, match="no_grad"):
        layer(torch.randn(3, 5, requires_grad=True))


@both_formats
def test_bad_numbers_in_the_input_give_what_float32_gives_and_stay_in_their_row(weights):
    layer, twin = quantized(keepgate.LSTM(6, 40), weights)
    x = torch.randn(4, 5, 6)
    for row, number in enumerate((float("nan"), float("inf"), 3e38, 1e-42)):
        x[1, row, 2] = number
    x[:, 3] = 1e-42
    with torch.no_grad():
        mine, other, clean = layer(x)[0], by_kernel(twin, "reference")(x)[0], layer(x[:, 3:])[0]
    assert torch.equal(mine.isnan(), other.isnan())
    agrees(mine.nan_to_num(0.5), other.nan_to_num(0.5))
    assert torch.equal(mine[:, 3:], clean)


@both_formats
def test_rows_of_zeros_and_inputs_without_steps_or_rows(weights):
    layer = keepgate.GRU(4, 20)
    with torch.no_grad():
        layer.weight_hh_l0[3:30] = 0
        layer.weight_ih_l0[5] = 1e-44
    layer, twin = quantized(layer, weights)
    for shape in ((5, 2, 4), (5, 0, 4), (1, 1, 4)):
        same(layer, twin, torch.randn(shape))
    assert all(torch.isfinite(buffer).all() for buffer in layer.buffers())


def test_int8_rounds_each_row_to_the_nearest_of_its_255_numbers():
    matrix = torch.randn(6, 50).numpy()
    narrow = NarrowMatrix.of(matrix, "int8")
    np.testing.assert_array_equal(np.abs(narrow.numbers).max(1), 127)
    np.testing.assert_allclose(narrow.scale, np.abs(matrix).max(1) / 127, rtol=1e-6)
    assert (np.abs(narrow.widened() - matrix) <= narrow.scale[:, None] * 0.500001).all()


def test_bfloat16_rounds_as_torch_does():
    matrix = torch.cat([torch.randn(4, 100), torch.tensor([[1.00390625, 1.01171875, -0.0, 1e-40] * 25])])
    expected = matrix.to(torch.bfloat16).float()
    assert torch.equal(torch.from_numpy(NarrowMatrix.of(matrix.numpy(), "bfloat16").widened()), expected)


@both_formats
def test_a_call_that_would_need_gradients_is_refused(weights):
    layer, _ = quantized(keepgate.LSTM(3, 8), weights)
    x = torch.randn(2, 1, 3, requires_grad=True)
    for call in (layer, layer.trace, lambda x: layer(x, lengths=[2])):
        with pytest.raises(KernelRefused, match=f"quantized to {weights}.*no_grad"):
            call(x)
    state = torch.randn(1, 1, 8, requires_grad=True)
    with pytest.raises(KernelRefused, match="inference"):
        layer(x.detach(), (state, state))
    assert not layer(x.detach())[0].requires_grad
    assert not any(parameter.requires_grad for parameter in layer.parameters())
    head = nn.Linear(8, 1)  # what is behind it can still be trained
    head(layer(x.detach())[0]).sum().backward()
    assert head.weight.grad is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda layer: layer.double(), "float64"),
        (lambda layer: layer.weight_hh_l0.data.fill_(float("nan")), "weight_hh_l0 holds NaN"),
        (lambda layer: layer.weight_ih_l0.data[0].fill_(float("inf")), "weight_ih_l0 holds NaN or inf"),
        (lambda layer: nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0"), "parametrised"),
        (lambda layer: keepgate.quantize(layer, "bfloat16"), "bfloat16 already"),
        (lambda layer: layer.to(torch.bfloat16), "bfloat16; narrow"),
    ],
)
def test_a_layer_that_cannot_be_quantized_is_left_alone_with_the_reason(change, reason):
    layer = keepgate.LSTM(3, 4)
    change(layer)
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    report = keepgate.quantize(layer)
    assert report.quantized == ()
    assert reason in report.layers[0].reason
    assert reason in str(report)
    after = layer.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) or "nan" in reason.lower() for name, tensor in before.items())


def test_numbers_too_large_for_bfloat16_and_a_cell_with_two_products_inside_are_left_alone():
    layer = keepgate.LSTM(3, 4)
    layer.weight_hh_l0.data[0, 0] = 3.4e38
    assert "too large for bfloat16" in keepgate.quantize(layer, "bfloat16").layers[0].reason
    assert "inside its step" in keepgate.quantize(Recurrent(two_values, 3, 4)).layers[0].reason


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_a_whole_model_of_torchs_layers_and_its_report():
    model, x = tagger(torch.float32)
    expected = model(x).detach()
    report = keepgate.quantize(model, "int8", linear=True, example=x)
    with torch.no_grad():
        largest = float((model(x) - expected).abs().max())
    assert {"deep", "inner.gru", "cells.0", "last"} <= set(report.quantized)
    assert any("Linear" in layer.kind for layer in report.layers if layer.quantized)
    assert report.difference == pytest.approx(largest, rel=1e-4)
    assert 0 < report.mean_difference <= report.difference < 0.1
    assert report.bytes_after < report.bytes_before * 0.6
    text = str(report)
    for part in ("size before", "time before", "int8", "whole model", "at most", "on average", "KiB"):
        assert part in text
    with pytest.raises(SettingsError, match="quantized"):
        keepgate.unswap(model)
    with pytest.raises(SettingsError, match="quantized"):
        model.deep.to_torch()
    assert "int8 already" in str(keepgate.quantize(model))
    assert str(keepgate.quantize(nn.Linear(2, 2))) == "the model has no recurrent layer"
    with pytest.raises(SettingsError, match=r"int8, bfloat16|bfloat16, int8"):
        keepgate.quantize(model, "int4")


def test_an_example_that_fails_leaves_the_model_as_it_was():
    model, x = tagger(torch.float32)
    keepgate.swap(model)
    before = model.state_dict()
    with pytest.raises(ZeroDivisionError):
        keepgate.quantize(model, example=lambda _: 1 / 0)
    assert model.state_dict().keys() == before.keys()
    assert all(parameter.requires_grad for parameter in model.parameters())
    model(x).sum().backward()


@both_formats
def test_a_linear_layer(weights):
    layer = nn.Linear(21, 40)
    twin = rounded(layer, weights)
    model = nn.Sequential(keepgate.LSTM(2, 2), layer)
    keepgate.quantize(model, weights, linear=True)
    x = torch.randn(4, 3, 21)
    with torch.no_grad():
        agrees(layer(x), twin(x))
        agrees(layer(x[0, 0]), twin(x[0, 0]))
        assert layer(x[:0]).shape == (0, 3, 40)
    assert torch.equal(layer.weight, twin.weight)
    with pytest.raises(KernelRefused, match="no_grad"):
        layer(x.requires_grad_())
    assert f"weights={weights}" in repr(layer)


@both_formats
def test_files_copies_and_pickles(weights):
    layer, _ = quantized(keepgate.GRU(5, 24, 2), weights)
    other, _ = quantized(keepgate.GRU(5, 24, 2), weights)
    x = torch.randn(4, 2, 5)
    with torch.no_grad():
        expected = layer(x)[0]
        assert not torch.equal(other(x)[0], expected)
        other.load_state_dict(layer.state_dict())
        for form in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert torch.equal(form(x)[0], expected)
        keepgate.freeze(layer)
        keepgate.thaw(layer)
        assert torch.equal(layer(x)[0], expected)
    size = sum(tensor.numel() * tensor.itemsize for tensor in layer.state_dict().values())
    assert size < 4 * sum(p.numel() for p in keepgate.GRU(5, 24, 2).parameters()) * 0.6
    with pytest.raises(RuntimeError, match="weight_ih_l0"):
        layer.load_state_dict(keepgate.GRU(5, 24, 2).state_dict())


@both_formats
def test_the_lens_reads_the_rounded_weights(weights):
    layer, twin = quantized(keepgate.LSTM(5, 12, 2, bidirectional=True), weights)
    x = torch.randn(7, 2, 5)
    mine, other = (lens.capture_layer(each, x) for each in (layer, twin))
    for ours, theirs in zip(mine.trace.layers, other.trace.layers, strict=True):
        for name, values in theirs.over_time.items():
            assert torch.equal(ours.over_time[name], values)
    assert all(map(torch.equal, mine.layer.parameters(), other.layer.parameters()))


def test_no_matrix_is_kept_in_float32(monkeypatch):
    layer, _ = quantized(keepgate.LSTM(30, 40, bidirectional=True), "int8")
    x = torch.randn(3, 2, 30)
    with torch.no_grad():
        layer(x)

        def forbidden(*_):
            raise AssertionError("a matrix was widened")

        monkeypatch.setattr(NarrowMatrix, "widened", forbidden)
        monkeypatch.setattr(NarrowMatrix, "for_packing", forbidden)
        monkeypatch.setattr(PlaceParameters, "tensors", forbidden)
        layer(x)
        layer(x, lengths=[3, 1])
        layer.trace(x)


@pytest.mark.parametrize("isa", OTHERS)
def test_every_instruction_set(isa):
    chosen = "every_cell_agrees or layouts or same_bits or bad_numbers or rows_of_zeros"
    here = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", __file__)
    done = run_python(*here, "-k", chosen, isa=isa)
    assert done.returncode == 0, done.stdout[-4000:]
