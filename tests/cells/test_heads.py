"""Means over the heads of a row, in a cell whose sums are normalised by torch's group_norm: all kernels and exports."""

import numpy as np
import pytest
import torch
from torch.nn.functional import group_norm

import keepgate
import keepgate.onnx
from keepgate import cells
from keepgate.arrays.loop import run_loop
from keepgate.equations import Named, Step, cell, row_mean, sigmoid, sqrt, symbol, tanh
from keepgate.errors import CellError
from tests.c99.test_export import compared, exported
from tests.onnx.configurations import run_file
from tests.oracles import agrees, flat
from tests.runtime.models import classifier, saved, with_large_weights


def normalised(x, heads):
    centred = x - row_mean(x, heads)
    return centred / sqrt(row_mean(centred * centred, heads) + 1e-5)


# A minimal gated unit whose output is normalised head by head, as the xLSTM's MultiHeadLayerNorm does.
def gated_step(heads, wx, uh, s, v):
    f, n = sigmoid(wx.f + uh.f), tanh(wx.n + uh.n)
    return Step(h=v.gamma * normalised(f * s.h + (1 - f) * n, heads) + v.beta, f=f)


def gated(heads):
    @cell(gates="f n", vectors="gamma beta")
    def group_normalised(wx: Named, uh: Named, s: Named, v: Named) -> Step:
        return gated_step(heads, wx, uh, s, v)

    return group_normalised


@cell(gates="f n", vectors="gamma beta")
def three_heads(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    return gated_step(3, wx, uh, s, v)


def by_torch(layer, x, heads):
    """The same by group_norm, step by step."""
    weights = {name.removesuffix("_l0"): weight for name, weight in layer.named_parameters()}
    h, outputs = x.new_zeros(x.shape[1], layer.hidden_size), []
    for x_t in x:
        sums = x_t @ weights["weight_ih"].T + h @ weights["weight_hh"].T
        f, n = (sums + weights["bias_ih"] + weights["bias_hh"]).chunk(2, -1)
        mixed = f.sigmoid() * h + (1 - f.sigmoid()) * n.tanh()
        h = group_norm(mixed, heads, weights["gamma"], weights["beta"], 1e-5)
        outputs.append(h)
    return torch.stack(outputs)


def layer_of(heads, hidden, kernel=None, dtype=torch.float64):
    torch.manual_seed(0)
    layer = keepgate.Recurrent(gated(heads), 4, hidden, dtype=dtype, kernel=kernel)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, 0.1, 0.4)
    return layer


# Heads that fill vectors of units, end inside one, and are one unit each.
@pytest.mark.parametrize(("heads", "hidden"), [(1, 7), (2, 32), (4, 12), (3, 57), (2, 10), (5, 5), (8, 64)])
@pytest.mark.parametrize("kernel", ["cpu", "reference"])
def test_the_numbers_and_gradients_are_those_of_group_norm(kernel, heads, hidden):
    layer = layer_of(heads, hidden, kernel)
    x = torch.randn(5, 3, 4, dtype=torch.float64, requires_grad=True)
    wanted = [x, *layer.parameters()]
    ours, theirs = layer(x)[0], by_torch(layer, x, heads)
    agrees(ours, theirs)
    for mine, other in zip(
        torch.autograd.grad(ours.sin().sum(), wanted),
        torch.autograd.grad(theirs.sin().sum(), wanted),
        strict=True,
    ):
        agrees(mine, other)


@pytest.mark.parametrize("kernel", [None, "reference"])
def test_no_rows_give_no_rows(kernel):
    layer = layer_of(2, 8, kernel)
    assert layer(torch.zeros(5, 0, 4, dtype=torch.float64))[0].shape == (5, 0, 8)
    weights = {name.removesuffix("_l0"): w.detach().numpy() for name, w in layer.named_parameters()}
    states = tuple(np.zeros((0, 8)) for _ in layer.cell.states)
    assert run_loop(layer.cell, weights, np.zeros((5, 0, 4)), states, None, None, False)[0].shape == (5, 0, 8)


def test_a_rows_numbers_do_not_depend_on_the_batch():
    layer = layer_of(3, 57, "cpu", torch.float32)
    x = torch.randn(5, 20, 4)
    whole = layer(x)[0]
    assert torch.equal(torch.cat([layer(x[:, :7])[0], layer(x[:, 7:])[0]], 1), whole)


def test_second_derivatives_are_those_of_finite_differences():
    layer = layer_of(2, 8)
    x = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], x)
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], x)


# Means of heads beside those of the row, of other heads, inside each other, and of what is alike in a row.
@cell(gates="a b", vectors="v")
def mixed_means(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    a, b = wx.a + uh.a, wx.b - 0.5 * uh.b
    of_row, of_two, of_six = row_mean(a), row_mean(a * b, 2), row_mean(tanh(b), 6)
    inside = row_mean(sigmoid(of_six) * of_two, 3) + row_mean(sigmoid(of_row), 2) + row_mean(of_six)
    h = tanh(a - of_row) * of_two + of_six * inside + row_mean(of_two * of_row) * row_mean(v.v, 3)
    return Step(h=tanh(h), of_two=of_two, inside=inside)


@pytest.mark.parametrize("hidden", [6, 18, 36])
def test_means_of_other_heads_beside_each_other(hidden):
    results = []
    for kernel in ("cpu", "reference"):
        torch.manual_seed(1)
        layer = keepgate.Recurrent(mixed_means, 3, hidden, dtype=torch.float64, kernel=kernel)
        x = torch.randn(6, 5, 3, dtype=torch.float64, requires_grad=True)
        trace = layer.trace(x)
        output = trace.output
        grads = torch.autograd.grad(output.sin().sum(), [x, *layer.parameters()])
        results.append([output, trace.layer(0)["of_two"], trace.layer(0)["inside"], *grads])
    for core, reference in zip(*results, strict=True):
        agrees(core, reference)


@pytest.mark.parametrize(
    ("described", "hidden"), [(three_heads, 57), (mixed_means, 18)], ids=["one", "mixed"]
)
def test_numpy_and_onnx_give_the_layers_numbers(described, hidden, tmp_path):
    torch.manual_seed(2)
    layer = keepgate.Recurrent(described, 4, hidden)
    x = torch.randn(5, 3, 4)
    expected, _ = layer(x)
    weights = {name.removesuffix("_l0"): w.detach().numpy() for name, w in layer.named_parameters()}
    states = tuple(np.zeros((3, hidden), np.float32) for _ in described.states)
    output, _ = run_loop(described, weights, x.numpy(), states, None, None, False)
    torch.testing.assert_close(torch.from_numpy(output), expected, rtol=0, atol=1e-5)
    keepgate.onnx.export(layer, tmp_path / "layer.onnx", (x,))
    found, *_ = run_file(tmp_path / "layer.onnx", layer, {"input": x})
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("described", [three_heads, mixed_means], ids=["one", "mixed"])
def test_c_gives_the_scores_of_the_runtime(described, tmp_path):
    task = with_large_weights(classifier(cell=cells.register(described), hidden_size=12))
    compared(*exported(saved(task, tmp_path / "model"), tmp_path))


def test_units_must_be_a_multiple_of_the_heads():
    with pytest.raises(CellError, match="means over 3 heads, of which 8 units are no multiple; take 9"):
        keepgate.Recurrent(three_heads, 4, 8)
    for heads in (0, -1, 2.0, True, None):
        with pytest.raises(CellError, match="heads="):
            row_mean(symbol("x"), heads)


def test_one_head_is_the_row_and_each_number_another_step():
    assert row_mean(symbol("x"), 1) is row_mean(symbol("x"))
    assert gated(2).graph.digest != gated(4).graph.digest
    assert mixed_means.heads == (2, 3, 6)
    assert flat(layer_of(1, 5)(torch.zeros(1, 1, 4, dtype=torch.float64)))[0].isfinite().all()
