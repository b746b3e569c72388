"""A stepper gives the bits of the layer run whole, takes no memory, and says what it cannot do."""

import pickle
import tracemalloc

import numpy as np
import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.nn import Recurrent
from tests.kernels.user_cells import two_values
from tests.oracles import flat

every_cell = pytest.mark.parametrize("cell", cells.CELLS, ids=lambda cell: cell.name)


def whole(layer, x, hx=None):
    with torch.no_grad():
        return layer(x, hx)


def read(stepper, x):
    """Every step's output, copied as it comes."""
    return torch.stack([torch.as_tensor(stepper.step(step)).clone() for step in x])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [1, 3])
@every_cell
def test_the_bits_are_those_of_the_layer_run_whole(cell, batch, dtype):
    for hidden, layers in ((1, 1), (9, 2), (64, 1), (130, 3)):
        layer = Recurrent(cell, 5, hidden, layers, dtype=dtype)
        x = torch.randn(7, batch, 5, dtype=dtype)
        output, final = whole(layer, x)
        stepper = layer.stepper(batch)
        assert torch.equal(read(stepper, x), output)
        for mine, other in zip(flat(stepper.states), flat(final), strict=True):
            assert torch.equal(mine, other)
        stepper.reset()
        assert torch.equal(read(stepper, x.numpy()), output)


def test_a_projection_and_no_bias_step_too():
    layer = keepgate.LSTM(5, 9, 2, bias=False, proj_size=4)
    x = torch.randn(6, 1, 5)
    stepper = layer.stepper()
    assert torch.equal(read(stepper, x), whole(layer, x)[0])
    assert [state.shape for state in stepper.states] == [(2, 1, 4), (2, 1, 9)]


def test_the_answer_comes_in_the_form_of_the_question():
    stepper = keepgate.GRU(5, 7).stepper()
    x = torch.randn(5)
    one = stepper.step(x)
    assert isinstance(one, torch.Tensor)
    assert one.shape == (7,)
    stepper.reset()
    other = stepper.step(x.numpy())
    assert isinstance(other, np.ndarray)
    assert other.shape == (7,)
    assert torch.equal(one, torch.from_numpy(other))
    assert stepper.step(x.numpy()[None]).shape == (1, 7)
    assert stepper.step(x[None]).shape == (1, 7)


def test_it_goes_on_from_given_states_and_they_from_it():
    layer = keepgate.LSTM(5, 7, 2)
    x, hx = torch.randn(6, 1, 5), (torch.randn(2, 1, 7), torch.randn(2, 1, 7))
    stepper = layer.stepper()
    stepper.reset(hx)
    read(stepper, x[:2])
    assert torch.equal(whole(layer, x[2:], stepper.states)[0], whole(layer, x, hx)[0][2:])
    single = keepgate.GRU(5, 7)
    stepper = single.stepper()
    stepper.reset(hx[0][:1])
    assert torch.equal(read(stepper, x), whole(single, x, hx[0][:1])[0])
    stepper.reset()
    assert torch.equal(read(stepper, x), whole(single, x)[0])


def test_a_snapshot_is_gone_back_to():
    stepper = keepgate.LSTM(5, 7, 2).stepper()
    x = torch.randn(9, 1, 5)
    read(stepper, x[:4])
    saved = stepper.save()
    first = read(stepper, x[4:])
    for snapshot in (saved, pickle.loads(pickle.dumps(saved))):
        stepper.restore(snapshot)
        assert torch.equal(read(stepper, x[4:]), first)


def test_weights_are_those_it_was_made_with_until_refreshed():
    layer = keepgate.GRU(5, 7)
    stepper, x = layer.stepper(), torch.randn(4, 1, 5)
    before = whole(layer, x)[0]
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    assert torch.equal(read(stepper, x), before)
    stepper.reset()
    stepper.refresh()
    after = whole(layer, x)[0]
    assert torch.equal(read(stepper, x), after)
    assert not torch.equal(before, after)


@pytest.mark.parametrize("form", ["numpy", "torch"])
def test_a_step_takes_no_memory(form, as_users_run):
    stepper = keepgate.LSTM(64, 64, 2).stepper()
    x = torch.randn(64)
    given = x.numpy() if form == "numpy" else x
    stepper.step(given)
    with torch.profiler.profile(profile_memory=True) as seen:
        for _ in range(50):
            stepper.step(given)
    assert sum(abs(event.self_cpu_memory_usage) for event in seen.key_averages()) == 0
    tracemalloc.start()
    for _ in range(50):
        stepper.step(given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Python's own frames and a tensor's few words, not the 256 bytes of one state.
    assert peak < 2000
    before = stepper.step(given)
    assert stepper.step(given) is before


def test_an_input_that_needs_a_gradient_gets_none():
    stepper = keepgate.GRU(5, 7).stepper()
    output = stepper.step(torch.randn(5, requires_grad=True))
    assert not output.requires_grad
    assert not stepper.states.requires_grad
    assert not stepper._between[0].requires_grad  # or every step would remember the one before


def test_it_steps_inside_and_outside_of_inference_mode():
    layer, x = keepgate.GRU(5, 7, 2), torch.randn(4, 1, 5)
    with torch.inference_mode():
        stepper = layer.stepper()
        read(stepper, x)
    stepper.reset()
    assert torch.equal(read(stepper, x), whole(layer, x)[0])


def test_weights_of_another_kind_are_not_taken():
    layer = keepgate.GRU(5, 7)
    stepper = layer.stepper()
    layer.double()
    with pytest.raises(keepgate.KernelRefused, match=r"torch.float32, torch.float64"):
        stepper.refresh()


def test_two_steppers_of_one_layer_keep_apart():
    layer = keepgate.LSTM(5, 7)
    x, y = torch.randn(6, 1, 5), torch.randn(6, 1, 5)
    first, second = layer.stepper(), layer.stepper()
    outputs = [(first.step(a).clone(), second.step(b).clone()) for a, b in zip(x, y, strict=True)]
    assert torch.equal(torch.stack([one for one, _ in outputs]), whole(layer, x)[0])
    assert torch.equal(torch.stack([other for _, other in outputs]), whole(layer, y)[0])


def test_it_outlives_its_layer():
    layer = keepgate.LSTM(5, 7)
    x = torch.randn(6, 1, 5)
    expected, stepper = whole(layer, x)[0], layer.stepper()
    del layer
    assert torch.equal(read(stepper, x), expected)


def test_what_cannot_be_stepped_through_is_refused_with_a_reason(as_users_run):
    with pytest.raises(keepgate.SettingsError, match="starts at the end"):
        keepgate.LSTM(5, 7, bidirectional=True).stepper()
    with pytest.raises(keepgate.SettingsError, match="batch is 0"):
        keepgate.LSTM(5, 7).stepper(0)
    with pytest.raises(keepgate.KernelRefused, match="kernel='builtin'"):
        keepgate.LSTM(5, 7, kernel="builtin").stepper()
    with pytest.raises(keepgate.KernelRefused, match="more than one value inside its step"):
        Recurrent(two_values, 5, 7).stepper()
    with pytest.raises(keepgate.KernelRefused, match="bfloat16"):
        keepgate.LSTM(5, 7, dtype=torch.bfloat16).stepper()


@pytest.mark.parametrize("wrong", [torch.randn(6), torch.randn(2, 5), torch.randn(5, dtype=torch.float64)])
def test_an_input_that_does_not_fit_is_refused(wrong, as_users_run):
    stepper = keepgate.LSTM(5, 7).stepper()
    for given in (wrong, wrong.numpy()):
        with pytest.raises(keepgate.ShapeError, match=r"expected float32 of shape \[1, 5\] or \[5\]"):
            stepper.step(given)
    with pytest.raises(TypeError, match="list"):
        stepper.step([0.0] * 5)


def test_states_of_another_layer_are_refused(as_users_run):
    stepper = keepgate.LSTM(5, 7).stepper()
    for other in (
        keepgate.LSTM(5, 8),
        keepgate.GRU(5, 7),
        keepgate.LSTM(5, 7, 2),
        keepgate.LSTM(5, 7).double(),
    ):
        with pytest.raises(keepgate.ShapeError, match="of the same layer and batch"):
            stepper.restore(other.stepper().save())
    with pytest.raises(keepgate.ShapeError, match="of the same layer and batch"):
        stepper.reset(torch.zeros(1, 1, 7))
