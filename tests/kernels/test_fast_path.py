"""The plainest calls go straight to the core, with the bits of the general way; what is not plain goes that way."""

import pytest
import torch

import keepgate
from keepgate.kernels.core.fast_path import CoreFastPath
from keepgate.lens.capture.layer_run import as_tuple
from keepgate.nn import Recurrent
from tests.kernels.calls import CORE, DTYPES
from tests.oracles import agrees, flat

every_cell = pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)


@pytest.fixture
def taken(monkeypatch):
    """A list that grows with each layer's call: whether it went straight to the core."""
    seen, call = [], CoreFastPath.__call__

    def watching(path, x, states=None):
        found = call(path, x, states)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(CoreFastPath, "__call__", watching)
    return seen


class General(tuple):
    """States that only the general way takes."""


def zeros(layer, x):
    """The initial states that a call without any has."""
    rows = x.shape[0 if layer.batch_first else 1]
    return General(x.new_zeros(1, rows, layer.hidden_size) for _ in layer.cell.states)


def results(layer, x, hx=None):
    """Output, final states, and the gradients of a weighting of all of them."""
    found = flat(layer(x, hx))
    generator = torch.Generator().manual_seed(7)
    upstream = [torch.randn(one.shape, generator=generator, dtype=one.dtype) for one in found]
    return [*found, *torch.autograd.grad(found, [x, *layer.parameters()], upstream)]


def same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@every_cell
def test_the_bits_are_those_of_the_general_way(cell, batch_first, bias, dtype, taken):
    layer = Recurrent(cell, 5, 19, bias=bias, batch_first=batch_first, dtype=dtype)
    x = torch.randn(9, 7, 5, dtype=dtype, requires_grad=True)
    hx = zeros(layer, x)
    same(results(layer, x), results(layer, x, hx))
    with torch.no_grad():
        same(flat(layer(x)), flat(layer(x, hx)))
    assert taken == [True, True]


@pytest.mark.parametrize(
    "form", [lambda x: x.mT.contiguous().mT, lambda x: x[:, :1].expand_as(x), lambda x: torch._neg_view(-x)]
)
def test_an_input_that_lies_otherwise(form, taken):
    layer = keepgate.LSTM(5, 7)
    x = form(torch.randn(4, 3, 5)).requires_grad_()
    same(results(layer, x), results(layer, x, zeros(layer, x)))
    assert taken == [True]


def test_only_the_last_state_carries_a_gradient_back(taken):
    layer, x = keepgate.LSTM(5, 7), torch.randn(4, 3, 5)
    found = [
        torch.autograd.grad(layer(x, hx)[1][1].sum(), [*layer.parameters()]) for hx in (None, zeros(layer, x))
    ]
    same(*found)
    assert taken == [True]


def test_what_was_saved_may_be_moved(taken):
    layer, x = keepgate.GRU(5, 7), torch.randn(4, 3, 5, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, torch.clone):
        moved = results(layer, x)
    same(moved, results(layer, x))
    assert taken == [True, True]


def test_an_input_that_was_replaced_before_the_backward_pass(taken):
    layer, x, other = keepgate.GRU(5, 7), torch.randn(4, 3, 5, requires_grad=True), torch.randn(4, 3, 5)
    output, _ = layer(x)
    general, _ = layer(x, zeros(layer, x))
    x.data = other
    same(torch.autograd.grad(output.sum(), x), torch.autograd.grad(general.sum(), x))
    assert taken == [True]


def test_a_weight_that_was_replaced_before_the_backward_pass(taken):
    layer, x = keepgate.GRU(5, 7), torch.randn(4, 3, 5)
    outputs = [layer(x, hx)[0] for hx in (None, zeros(layer, x))]
    layer.weight_hh_l0.data = torch.randn(21, 7)
    same(*[torch.autograd.grad(output.sum(), [*layer.parameters()]) for output in outputs])
    assert taken == [True]


def test_what_is_more_than_plain_goes_the_general_way(taken):
    layer, x = keepgate.LSTM(5, 7), torch.randn(4, 3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
    torch.func.vmap(layer)(torch.stack([x, x]))
    torch.func.functional_call(layer, {k: v.detach() for k, v in layer.named_parameters()}, (x,))
    layer(x.new_zeros(4, 0, 5))
    for wrong in (x[..., :4], x.double(), x.to("meta")):
        with pytest.raises(keepgate.ShapeError):
            layer(wrong)
    # The weights of functional_call are no parameters, so that no fast path is offered and none asked.
    assert taken == [False] * 6
    taken.clear()
    layer(x, lengths=[4, 1, 0])
    keepgate.LSTM(5, 7, kernel="reference")(x)
    keepgate.LSTM(5, 7, bidirectional=True)(x)
    layer.trace(x)
    assert taken == []


@pytest.mark.parametrize("batch_first", [True, False])
@every_cell
def test_a_trace_has_the_bits_of_the_general_way(cell, batch_first, monkeypatch):
    layer = Recurrent(cell, 5, 19, batch_first=batch_first)
    x, taken = torch.randn(9, 7, 5), []
    trace = CoreFastPath.trace
    monkeypatch.setattr(CoreFastPath, "trace", lambda *given: taken.append(trace(*given)) or taken[-1])
    with torch.no_grad():
        ours, theirs = layer.trace(x), layer.trace(x, zeros(layer, x))
    assert [found is not None for found in taken] == [True]
    assert torch.equal(ours.output, theirs.output)
    same(as_tuple(ours.final), as_tuple(theirs.final))
    (mine,), (other,) = ours.layers, theirs.layers
    assert mine.names == other.names
    same(mine.values(), other.values())
    same(mine.initial.values(), other.initial.values())
    same(mine.previous().values(), other.previous().values())
    x.requires_grad_()
    for through_gates in (False, True):
        same(
            slopes(layer, layer.trace(x), x, through_gates),
            slopes(layer, layer.trace(x, zeros(layer, x)), x, through_gates),
        )
    assert [found is not None for found in taken] == [True, True, True]


def slopes(layer, trace, x, through_gates):
    """The gradients of what was traced: of the output and the final states alone, or of every gate and state too."""
    found = [trace.output, *as_tuple(trace.final), *(trace.layers[0].values() if through_gates else ())]
    generator = torch.Generator().manual_seed(7)
    upstream = [torch.randn(one.shape, generator=generator) for one in found]
    return torch.autograd.grad(found, [x, *layer.parameters()], upstream)


@every_cell
def test_given_states_take_the_fast_path_with_the_same_bits_unless_a_gradient_is_asked_for(cell, taken):
    layer, x = Recurrent(cell, 5, 19, batch_first=True), torch.randn(7, 1, 5)
    states = General(torch.randn(1, 7, 19) for _ in cell.states)
    hx = tuple(states) if len(states) > 1 else states[0]
    with torch.no_grad():
        same(flat(layer(x, hx)), flat(layer(x, states)))
    assert taken == [True]
    layer(x, hx)
    layer.requires_grad_(False)
    states[0].requires_grad_()
    assert layer(x, hx)[0].requires_grad
    assert taken == [True, False, False]


@pytest.mark.parametrize("batch_first", [False, True])
@every_cell
def test_layers_on_top_of_each_other_take_it_one_after_another_with_the_same_bits(cell, batch_first, taken):
    layer = Recurrent(cell, 5, 19, 3, batch_first=batch_first, dropout=0.5).eval()
    x = torch.randn(7, 4, 5, requires_grad=True)
    states = General(torch.randn(3, 7 if batch_first else 4, 19) for _ in cell.states)
    none = General(torch.zeros_like(state) for state in states)
    same(results(layer, x), results(layer, x, none))
    with torch.no_grad():
        hx = tuple(states) if len(states) > 1 else states[0]
        same(flat(layer(x, hx)), flat(layer(x, states)))
        assert taken == [True] * 6
        with pytest.raises(keepgate.ShapeError):
            layer(x, tuple(state[:2] for state in states) if len(states) > 1 else states[0][:2])
    layer.train()(x)
    assert taken == [True] * 6


@pytest.mark.parametrize("wrong", [(1, 2, 4), (2, 3, 4), (1, 3, 5)])
def test_states_that_do_not_fit_are_refused_as_before(wrong):
    layer, x = keepgate.GRU(5, 4), torch.randn(2, 3, 5)
    with torch.no_grad(), pytest.raises(keepgate.ShapeError, match="Expected hidden size"):
        layer(x, torch.zeros(wrong))
    with torch.no_grad(), pytest.raises(keepgate.ShapeError):
        layer(x, ())


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_cell_steps_on_the_core_as_in_plain_torch(name, frozen, monkeypatch):
    layer, steps, run = getattr(keepgate, name)(3, 5), [], CoreFastPath.step
    if frozen:
        keepgate.freeze(layer)

    def watching(path, x, states):
        found = run(path, x, states)
        steps.append(found is not None)
        return found

    monkeypatch.setattr(CoreFastPath, "step", watching)
    x = torch.randn(4, 3)
    with torch.no_grad():
        states = layer(torch.randn(4, 3))
        transposed = [state.T.contiguous().T for state in flat(states)]
        otherwise = tuple(transposed) if len(transposed) > 1 else transposed[0]
        for hx in (None, states):
            taken = flat(layer(x, hx))
            for mine, other in zip(taken, flat(layer(x.T.contiguous().T, hx)), strict=True):
                agrees(mine, other)
        for mine, other in zip(taken, flat(layer(x, otherwise)), strict=True):
            agrees(mine, other)
        one = flat(layer(x[0]))
        assert one[0].shape == (5,)
        with pytest.raises(keepgate.ShapeError):
            layer(x, flat(states)[0][:2] if len(transposed) == 1 else (flat(states)[0][:2],) * 2)
        with pytest.raises(keepgate.ShapeError):
            layer(torch.randn(4, 2))
    assert steps[:6] == [True, True, False, True, False, False]
    assert flat(layer(x.requires_grad_()))[0].requires_grad


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_cell_without_units_steps(name):
    with torch.no_grad():
        assert flat(getattr(keepgate, name)(3, 0)(torch.randn(4, 3)))[0].shape == (4, 0)
