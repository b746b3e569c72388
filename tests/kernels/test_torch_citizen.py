"""Layers that the C++ core runs, under autocast and all else that may stand around a call (see test_compile.py)."""

import copy

import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.kernels import KERNELS, run
from tests.kernels.calls import made
from tests.oracles import agrees, flat

CPU = KERNELS[0]
LAYERS = ["RNN", "LSTM", "GRU"]
every_layer = pytest.mark.parametrize("name", LAYERS)


def core(name, *sizes, **options):
    """A layer that nothing but the core may run."""
    return getattr(keepgate, name)(*sizes, kernel="cpu", **options)


def double(*shape, **options):
    return torch.randn(*shape, dtype=torch.float64, **options)


@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@every_layer
def test_autocast_computes_in_float32_and_answers_as_torch(name, given):
    theirs, ours = getattr(torch.nn, name)(5, 7), core(name, 5, 7)
    x = torch.randn(6, 3, 5).to(given)
    plain, plain_final = ours(x.float())
    with torch.autocast("cpu", torch.bfloat16):
        output, final = ours(x)
        # torch's own lacks float16 here; its GRU alone answers in the type of the input.
        try:
            expected = theirs(x.bfloat16() if given is torch.float16 else x)[0].dtype
        except RuntimeError:  # of oneDNN: not every processor can run its LSTM in bfloat16
            expected = torch.bfloat16
        expected = given if name == "GRU" else expected
        trace = ours.trace(x)
    assert {part.dtype for part in flat((output, final))} == {expected}
    for mine, other in zip(flat((output, final)), flat((plain, plain_final)), strict=True):
        assert torch.equal(mine, other.to(expected))
    assert {value.dtype for value in trace.layer(0).values()} == {expected}
    output.float().sum().backward()
    assert {weight.grad.dtype for weight in ours.parameters()} == {torch.float32}


@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_in_both_directions(given):
    layer = core("LSTM", 5, 7, 2, bidirectional=True)
    x = torch.randn(6, 3, 5).to(given)
    with torch.autocast("cpu", torch.bfloat16):
        output, _ = layer(x)
        with torch.no_grad():
            assert torch.equal(layer(x)[0], output)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), layer(x.float())[0], rtol=0, atol=2e-2)


def test_autocast_leaves_float64_alone():
    layer, x = core("LSTM", 5, 7, dtype=torch.float64), double(6, 3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(x)[0], layer(x)[0])
        assert layer(x)[0].dtype == torch.float64


def test_autocast_takes_weights_in_bfloat16():
    layer = core("LSTM", 5, 7).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        output, _ = layer(torch.randn(6, 3, 5))
    output.float().sum().backward()
    assert layer.weight_hh_l0.grad.dtype == torch.bfloat16


def test_another_default_device_changes_nothing():
    layer, x = core("LSTM", 5, 7), torch.randn(4, 2, 5)
    expected = layer(x)[0]
    with torch.device("meta"):
        output = layer(x)[0]
        output.sum().backward()
    assert torch.equal(output, expected)


class Own(torch.Tensor):
    """Computes as a plain tensor does, and sees to it itself."""

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        with torch._C._DisableTorchDispatch():
            return function(*args, **(kwargs or {}))


def test_a_tensor_class_that_computes_by_itself_is_refused():
    x = torch.randn(4, 2, 5)
    own = torch.Tensor._make_subclass(Own, x)
    layer = keepgate.LSTM(5, 7)
    (part,) = keepgate.explain_kernels(layer, own).parts
    assert "a tensor is a Own" in str(part.choices[0].reason)
    assert part.kernel != "cpu"
    agrees(layer(own)[0], layer(x)[0])


def test_a_class_that_is_only_a_name_is_not():
    class Named(torch.Tensor):
        pass

    layer, x = core("GRU", 5, 7), torch.randn(4, 2, 5)
    output = layer(x.as_subclass(Named))[0]
    assert torch.equal(output.as_subclass(torch.Tensor), layer(x)[0])


def test_modes_see_an_operator():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Listening(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    seen = []
    layer, x = core("GRU", 5, 7), torch.randn(4, 2, 5)
    expected = layer(x)[0]
    with Listening():
        output = layer(x)[0]
        output.sum().backward()
    assert torch.equal(output, expected)
    assert "keepgate.sequence.default" in seen
    assert "keepgate.sequence_backward.default" in seen


def test_fake_tensors_give_shapes_without_numbers():
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        layer = core("LSTM", 5, 7, 2, bidirectional=True)
        output, final = layer(torch.randn(4, 2, 5))
        output.sum().backward()
        assert output.shape == (4, 2, 14)
        assert [state.shape for state in final] == [(4, 2, 7)] * 2
        assert layer.weight_hh_l0.grad.shape == (28, 7)


def test_a_layer_that_ran_is_copied_as_before():
    layer, x = core("LSTM", 5, 7), torch.randn(4, 2, 5)
    layer(x)[0].sum().backward()
    other = copy.deepcopy(layer)
    assert torch.equal(other(x)[0], layer(x)[0])
    other(x)[0].sum().backward()
    assert torch.equal(other.weight_hh_l0.grad, layer.weight_hh_l0.grad)


def test_lengths_that_a_call_was_built_with_by_hand_are_checked():
    call = made(cells.lstm, 4, 2, 5, 7, lengths=torch.tensor([5, 1]))
    with pytest.raises(keepgate.ShapeError, match="lengths go from 1 to 5, but the input has 4 steps"):
        run(call, "cpu")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda call: {"x": call.x.detach()[:, :0], "states": tuple(s[:0] for s in call.states)},
            "[4, 0, 5]",
        ),
        (lambda call: {"x": call.x.detach()[:0]}, "[0, 2, 5]"),
        (lambda call: {"x": call.x.detach().half()}, "torch.float16, torch.float64"),
        (lambda call: {"x": call.x.detach().to("meta")}, "on meta"),
    ],
)
def test_what_the_core_lacks_is_refused_with_a_reason(change, said):
    from dataclasses import replace

    call = made(cells.lstm, 4, 2, 5, 7)
    assert said in str(CPU.refusal_reason(replace(call, **change(call))))
