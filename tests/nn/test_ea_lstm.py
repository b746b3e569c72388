"""EALSTM against its paper's equations in numpy, on every kernel, with lengths, streams, trace, memory and ONNX."""

import copy

import numpy as np
import pytest
import torch

import keepgate
from keepgate import lens
from keepgate.errors import ShapeError
from tests.oracles import agrees

STEPS, ROWS, INPUTS, STATIC, UNITS = 6, 3, 4, 2, 5


def layer_and_inputs(**options):
    layer = keepgate.EALSTM(INPUTS, STATIC, UNITS, dtype=torch.float64, **options)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    return layer, x, torch.randn(ROWS, STATIC, dtype=torch.float64)


def by_the_paper(layer, x, static):
    """Eq. 7 to 12, over one row."""

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    weights = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    i = sigmoid(weights["static.weight"] @ static + weights["static.bias"])
    h = c = np.zeros(UNITS)
    outputs = []
    for x_t in x:
        pre = weights["recurrent.weight_ih_l0"] @ x_t + weights["recurrent.weight_hh_l0"] @ h
        f, g, o = np.split(pre + weights["recurrent.bias_ih_l0"] + weights["recurrent.bias_hh_l0"], 3)
        c = sigmoid(f) * c + i * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return torch.tensor(np.array(outputs))


@pytest.mark.parametrize("kernel", [None, "reference", "cpu"])
def test_the_papers_equations(kernel):
    layer, x, static = layer_and_inputs(kernel=kernel)
    lengths = [STEPS, 2, 4]
    output, (h, c) = layer(x, static, lengths=lengths)
    for row, length in enumerate(lengths):
        expected = by_the_paper(layer, x[:length, row].numpy(), static[row].numpy())
        agrees(output[:length, row].detach(), expected)
        agrees(h[0, row].detach(), expected[-1])
    assert c.shape == (1, ROWS, UNITS)


def test_gradients_reach_the_static_inputs():
    layer, x, static = layer_and_inputs()
    static.requires_grad_()
    torch.autograd.gradcheck(lambda s: layer(x, s)[0], static)
    grads = torch.autograd.grad(layer(x, static)[0].sum(), list(layer.parameters()))
    assert all(grad.abs().sum() > 0 for grad in grads)


def test_the_row_alone_the_later_half_and_the_stream():
    layer, x, static = layer_and_inputs()
    output, _ = layer(x, static)
    agrees(layer(x[:, 1], static[1])[0], output[:, 1])
    first, states = layer(x[:2], static)
    agrees(torch.cat([first, layer(x[2:], static, states)[0]]), output)
    stepper = layer.stepper(static)
    agrees(torch.stack([stepper.step(step).clone() for step in x]), output)


def test_the_memory_is_the_sum_of_what_the_input_gate_let_in():
    layer, x, static = layer_and_inputs()
    traced = layer.trace(x, static).layers[0]
    agrees(traced.i, torch.sigmoid(layer.static(static)).expand(STEPS, -1, -1))
    updates = lens.memory.memory_updates(traced)
    agrees(updates.write, traced.i * traced.g)
    agrees(updates.keep, traced.f)


def test_a_copy_and_an_export_answer_the_same(tmp_path):
    layer = keepgate.EALSTM(INPUTS, STATIC, UNITS, batch_first=True).eval()
    x, static = torch.randn(ROWS, STEPS, INPUTS), torch.randn(ROWS, STATIC)
    agrees(copy.deepcopy(layer)(x, static)[0].detach(), layer(x, static)[0].detach())
    keepgate.onnx.export(layer, tmp_path / "ea.onnx", (x, static))


@pytest.mark.parametrize("static", [torch.zeros(ROWS, 3), torch.zeros(1, ROWS, STATIC)])
def test_static_inputs_of_another_shape_are_refused(static):
    layer, x, _ = layer_and_inputs()
    with pytest.raises(ShapeError, match=r"expected \[batch, 2\]"):
        layer(x, static.double())


def test_a_static_row_too_few_and_another_dtype_are_refused():
    layer, x, static = layer_and_inputs()
    with pytest.raises(ShapeError):
        layer(x, static[:2])
    with pytest.raises(ShapeError, match=r"static is torch\.float32"):
        layer(x, static.float())
    with pytest.raises(ShapeError, match="one row for each stream"):
        layer.stepper(static[0])
