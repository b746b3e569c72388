"""Whole products in bfloat16, in training under autocast: on any processor here, since torch multiplies so on each."""

import dataclasses
from contextlib import contextmanager

import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.kernels.core import bfloat16_products
from tests.kernels.calls import derivatives, made, names, same_bits, values
from tests.kernels.user_cells import inside, ran
from tests.oracles import flat

# Smooth ones: where a relu has its corner, a rounding changes the gradient by all of it.
SMOOTH = (cells.rnn_tanh, cells.lstm, cells.gru, cells.peephole, cells.mingru, cells.coupled_lstm)
STEPS, ROWS, INPUTS, HIDDEN = 9, 7, 128, 19
LENGTHS = torch.tensor([9, 3, 0, 1, 9, 8, 5])


@pytest.fixture(autouse=True)
def _instructions(monkeypatch):
    monkeypatch.setattr(bfloat16_products, "processor_has_bfloat16", lambda: True)


def autocast(dtype=torch.bfloat16):
    return torch.autocast("cpu", dtype)


def in_training(call, context=autocast):
    """Values and gradients of a call."""
    with context():
        found = values(call, "cpu")
    return found | derivatives(call, found)


@contextmanager
def in_float32():
    yield


def close(ours, theirs, within=2e-2):
    """Within a few roundings to bfloat16, of each tensor's largest number."""
    for name, value in theirs.items():
        found = ours[name]
        if value is None or found is None:
            assert value is found, name
            continue
        off = (found.detach().float() - value.detach()).abs().max()
        assert off <= within * float(value.detach().abs().max().clamp(min=1e-6)), f"{name} is off by {off}"


def options(kind):
    torch.manual_seed(3)
    resets = torch.rand(STEPS, ROWS) < 0.3
    return {
        "whole": {},
        "reverse": {"reverse": True},
        "ragged": {"lengths": LENGTHS, "resets": resets},
        "ragged, reverse": {"lengths": LENGTHS, "resets": resets, "reverse": True},
    }[kind]


KINDS = ("whole", "reverse", "ragged", "ragged, reverse")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", SMOOTH, ids=lambda cell: cell.name)
def test_values_and_gradients_are_float32s_but_for_bfloat16s_roundings(cell, kind):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, torch.float32, **options(kind))
    ours, plain = in_training(call), in_training(call, in_float32)
    assert not torch.equal(ours["output"].float(), plain["output"].bfloat16().float())
    close(ours, plain)


def test_a_projection_and_what_is_not_trained():
    call = made(cells.lstm, STEPS, ROWS, INPUTS, HIDDEN, torch.float32, projected=6, **options("ragged"))
    close(in_training(call), in_training(call, in_float32))
    for wanted in ("x", "weight_ih", "weight_hh", "bias_ih"):
        for name, tensor in names(call).items():
            tensor.requires_grad_(name == wanted)
        close(in_training(call), in_training(call, in_float32))


@pytest.mark.parametrize("cell", [cells.lstm, cells.gru], ids=lambda cell: cell.name)
def test_the_inputs_product_is_in_bfloat16_and_the_recurrence_in_float32(cell):
    call = made(cell, STEPS, ROWS, INPUTS, HIDDEN, torch.float32)

    def rounded(name):
        number = names(call)[name].detach().bfloat16().float().requires_grad_()
        return dataclasses.replace(call, **{name: number})

    output = in_training(call)["output"]
    for name, alike in (("x", True), ("weight_ih", True), ("weight_hh", False)):
        assert torch.equal(in_training(rounded(name))["output"], output) == alike, name


def test_every_whole_product_is_in_bfloat16():
    # Where torch multiplied, the gradient is a bfloat16 number; the bias's is the core's own sum.
    call = made(cells.lstm, STEPS, ROWS, INPUTS, HIDDEN, torch.float32)
    found = in_training(call)
    for name in ("x", "weight_ih", "weight_hh"):
        gradient = found[f"gradient of {name}"]
        assert torch.equal(gradient, gradient.bfloat16().float()), name
    assert not torch.equal(found["gradient of bias_ih"], found["gradient of bias_ih"].bfloat16().float())


@pytest.mark.parametrize("cell", [cells.gru_reset_before, inside, ran], ids=lambda cell: cell.name)
def test_a_cell_without_such_a_variant_is_computed_in_float32(cell):
    torch.manual_seed(0)
    layer, x = keepgate.Recurrent(cell, INPUTS, 5), torch.randn(4, 3, INPUTS)
    expected = layer(x)[0]
    with autocast():
        assert torch.equal(layer(x)[0], expected.bfloat16())
        with torch.no_grad():
            assert torch.equal(layer(x)[0], expected.bfloat16())


def test_second_derivatives_are_float32s():
    call = made(cells.gru, 4, 3, INPUTS, 5, torch.float32)

    def second(context):
        with context():
            output = values(call, "cpu")["output"].float()
        tensors = [call.x, call.weight_ih, call.weight_hh]
        first = torch.autograd.grad(output.square().sum(), tensors, create_graph=True)
        both = torch.autograd.grad(sum(gradient.square().sum() for gradient in first), tensors)
        return dict(zip("xih", both, strict=True))

    close(second(autocast), second(in_float32), 5e-2)


@pytest.mark.parametrize("reverse", [False, True])
def test_nothing_beyond_a_length_is_read(reverse):
    call = made(cells.gru, STEPS, ROWS, INPUTS, HIDDEN, torch.float32, lengths=LENGTHS, reverse=reverse)
    poison = call.x.detach().clone()
    poison[torch.arange(STEPS).unsqueeze(1) >= LENGTHS] = float("nan")
    hurt = dataclasses.replace(call, x=poison.requires_grad_())
    same_bits(in_training(hurt), in_training(call))


def test_a_layer_trains_and_answers_in_torchs_types():
    layer = keepgate.LSTM(INPUTS, 64, 2, bidirectional=True, kernel="cpu")
    x = torch.randn(STEPS, ROWS, INPUTS)
    expected, _ = layer(x)
    with autocast():
        output, final = layer(x)
        output.float().square().mean().backward()
    assert {part.dtype for part in flat((output, final))} == {torch.bfloat16}
    assert {weight.grad.dtype for weight in layer.parameters()} == {torch.float32}
    close({"output": output}, {"output": expected})


def test_all_else_is_computed_in_float32(monkeypatch):
    call = made(cells.lstm, STEPS, ROWS, INPUTS, HIDDEN, torch.float32)
    plain = in_training(call, in_float32)["output"].detach()

    def same(call, expected, dtype=torch.bfloat16):
        with autocast(dtype):
            assert torch.equal(values(call, "cpu")["output"], expected.to(dtype))

    with torch.no_grad():
        same(call, plain)
    same(dataclasses.replace(call, trace=True), plain)
    same(call, plain, torch.float16)
    small = made(cells.lstm, STEPS, ROWS, 5, HIDDEN, torch.float32)
    same(small, values(small, "cpu")["output"])
    monkeypatch.setattr(bfloat16_products, "processor_has_bfloat16", lambda: False)
    same(call, plain)
