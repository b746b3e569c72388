"""Cells with layer normalisation against the equations of haste's layers, written once more in numpy."""

import numpy as np
import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.equations import Named, Step, cell, row_mean, tanh
from keepgate.errors import CellError
from tests.oracles import agrees

EPSILON = 1e-5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, gamma):
    """haste's: without a shift."""
    return gamma * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON)


def haste_lstm(x, weights, h, c):
    """haste's LayerNormLSTM: one gamma for each product, one bias, gamma_h and beta_h for the cell."""
    outputs = []
    for x_t in x:
        pre = layer_norm(x_t @ weights["W"].T, weights["gamma_0"]) + layer_norm(
            h @ weights["R"].T, weights["gamma_1"]
        )
        i, f, g, o = np.split(pre + weights["bias"], 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(layer_norm(c, weights["gamma_h"]) + weights["beta_h"])
        outputs.append(h)
    return np.stack(outputs), h, c


def haste_gru(x, weights, h):
    outputs = []
    for x_t in x:
        x_r, x_z, x_n = np.split(
            layer_norm(x_t @ weights["W"].T, weights["gamma_0"]) + weights["bias"], 3, -1
        )
        u_r, u_z, u_n = np.split(layer_norm(h @ weights["R"].T, weights["gamma_1"]), 3, -1)
        z = sigmoid(x_z + u_z)
        n = np.tanh(x_n + sigmoid(x_r + u_r) * (u_n + weights["recurrent_bias"]))
        h = (1 - z) * n + z * h
        outputs.append(h)
    return np.stack(outputs), h


def random_layer(name):
    torch.manual_seed(3)
    layer = keepgate.Recurrent(name, 5, 19, bias=False, dtype=torch.float64)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, 0.3, 0.4)
    weights = {key.removesuffix("_l0"): value.detach().numpy() for key, value in layer.named_parameters()}
    return layer, weights, torch.randn(7, 3, 5, dtype=torch.float64)


def joined(weights, start, gates):
    return np.concatenate([weights[f"{start}_{gate}"] for gate in gates])


def test_the_lstm_is_hastes():
    layer, w, x = random_layer("layer_norm_lstm")
    given = {"W": w["weight_ih"], "R": w["weight_hh"], "gamma_h": w["gamma_c"], "beta_h": w["beta_c"]}
    given |= {"gamma_0": joined(w, "gamma_ih", "ifgo"), "gamma_1": joined(w, "gamma_hh", "ifgo")}
    h_0, c_0 = np.random.default_rng(0).normal(size=(2, 3, 19))
    output, h, c = haste_lstm(x.numpy(), given | {"bias": joined(w, "b", "ifgo")}, h_0, c_0)
    ours, (h_n, c_n) = layer(x, (torch.tensor(h_0)[None], torch.tensor(c_0)[None]))
    for mine, theirs in ((ours, output), (h_n[0], h), (c_n[0], c)):
        agrees(mine.detach(), torch.from_numpy(theirs))


def test_the_gru_is_hastes():
    layer, w, x = random_layer("layer_norm_gru")
    given = {"W": w["weight_ih"], "R": w["weight_hh"], "recurrent_bias": w["b_hh_n"]}
    given |= {"gamma_0": joined(w, "gamma_ih", "rzn"), "gamma_1": joined(w, "gamma_hh", "rzn")}
    h_0 = np.random.default_rng(0).normal(size=(3, 19))
    output, h = haste_gru(x.numpy(), given | {"bias": joined(w, "b", "rzn")}, h_0)
    ours, h_n = layer(x, torch.tensor(h_0)[None])
    agrees(ours.detach(), torch.from_numpy(output))
    agrees(h_n[0].detach(), torch.from_numpy(h))


@pytest.mark.parametrize("name", ["layer_norm_lstm", "layer_norm_gru"])
def test_the_core_runs_it_in_both_directions_with_lengths_and_gradients(name):
    torch.manual_seed(0)
    kernels = []
    for kernel in ("cpu", "reference"):
        torch.manual_seed(0)
        layer = keepgate.Recurrent(
            name, 6, 33, 2, bias=False, bidirectional=True, dtype=torch.float64, kernel=kernel
        )
        x = torch.randn(9, 4, 6, dtype=torch.float64, requires_grad=True)
        output, _ = layer(x, lengths=[9, 3, 1, 6], resets=torch.rand(9, 4) < 0.2)
        kernels.append([output, *torch.autograd.grad(output.sin().sum(), [x, *layer.parameters()])])
    for core, reference in zip(*kernels, strict=True):
        agrees(core, reference)


def test_a_row_has_the_same_bits_whatever_is_beside_it():
    layer = keepgate.Recurrent("layer_norm_lstm", 8, 70, bias=False)
    x = torch.randn(5, 24, 8)
    with torch.no_grad():
        whole = layer(x)[0]
        assert all(torch.equal(whole[:, [row]], layer(x[:, [row]])[0]) for row in range(24))
        stepper = layer.stepper(24)
        assert torch.equal(torch.stack([stepper.step(x_t).clone() for x_t in x]), whole)


def test_gradients_are_those_of_finite_differences():
    layer = keepgate.Recurrent("layer_norm_lstm", 2, 3, bias=False, dtype=torch.float64)
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], x)
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], x)


def test_the_forget_gates_bias_is_set_where_it_is_added():
    layer = keepgate.Recurrent("layer_norm_lstm", 3, 5, bias=False, forget_bias=2.0)
    assert layer.b_f_l0.tolist() == [2.0] * 5
    assert layer.b_i_l0.tolist() == [0.0] * 5
    assert layer.gamma_hh_f_l0.tolist() == [1.0] * 5
    chrono = keepgate.Recurrent("layer_norm_gru", 3, 5, bias=False, init="chrono", horizon=100)
    assert bool((chrono.b_z_l0 >= 0).all())


@pytest.mark.parametrize("gates", ["a", "a b", "a b c"])
def test_a_cell_of_ones_own_may_take_means_over_a_row(gates):
    names = gates.split()

    def step(wx: Named, uh: Named, s: Named) -> Step:
        total = sum(getattr(wx, name) + getattr(uh, name) for name in names)
        return Step(h=tanh(total - row_mean(total)) + row_mean(s.h) * 0.3)

    mine = cell(gates=gates)(step)
    results = []
    for kernel in ("cpu", "reference"):
        torch.manual_seed(0)
        layer = keepgate.Recurrent(mine, 4, 37, dtype=torch.float64, kernel=kernel)
        x = torch.randn(6, 5, 4, dtype=torch.float64)
        output, _ = layer(x)
        results.append([output, *torch.autograd.grad(output.sin().sum(), [*layer.parameters()])])
    for core, reference in zip(*results, strict=True):
        agrees(core, reference)


def test_what_needs_an_elementwise_step_says_why_not():
    with pytest.raises(CellError, match="means over the units of a row"):
        _ = cells.layer_norm_lstm.elementwise_graph
