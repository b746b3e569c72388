"""layer.gates: plain forward hooks are called with the trace of each run, and what nobody listens to is not there."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

import keepgate
from keepgate import cells
from keepgate.nn import Recurrent, Trace
from tests.oracles import agrees, flat

# Rows in no order of length.
PACKED = [torch.randn(length, 3) for length in (2, 5, 3)]


def listened(layer, *args, **kwargs):
    """What a run gives while somebody listens, and what was shown."""
    shown = []
    with layer.gates.register_forward_hook(lambda _, __, trace: shown.append(trace)):
        result = layer(*args, **kwargs)
    return result, shown


CALLS = {
    "time first": (torch.randn(5, 3, 3), {}),
    "unbatched": (torch.randn(5, 3), {}),
    "ragged": (torch.randn(5, 3, 3), {"lengths": torch.tensor([2, 5, 0])}),
    "resets": (torch.randn(5, 3, 3), {"resets": torch.arange(15).view(5, 3) % 4 == 0}),
    "packed": (pack_sequence(PACKED, enforce_sorted=False), {}),
    "packed sorted": (pack_sequence(sorted(PACKED, key=len, reverse=True)), {}),
}


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("described", [cells.lstm, cells.gru, cells.mingru], ids=lambda cell: cell.name)
def test_a_hook_is_shown_the_layers_own_trace_and_changes_nothing(described, call, options):
    layer, (x, others) = Recurrent(described, 3, 4, **options), CALLS[call]
    states = torch.randn(2, layer.num_layers * layer.directions, 3, 4)[: len(described.states)]
    for hx in (None, tuple(states) if len(states) > 1 else states[0]):
        if hx is not None and call == "unbatched":
            continue
        (output, final), shown = listened(layer, x, hx, **others)
        expected, expected_final = layer(x, hx, **others)
        assert type(output) is type(expected)
        for ours, theirs in zip(flat((output, final)), flat((expected, expected_final)), strict=True):
            agrees(ours, theirs)
        (trace,) = shown
        assert isinstance(trace, Trace)
        for part, other in zip(trace.layers, layer.trace(x, hx, **others).layers, strict=True):
            assert part.names == other.names
            for name in part:
                agrees(part[name], other[name])


def test_batch_first_and_gradients():
    layer, x = keepgate.LSTM(3, 4, batch_first=True), torch.randn(2, 5, 3, requires_grad=True)
    (output, _), (trace,) = listened(layer, x)
    assert output.shape == (2, 5, 4)
    assert trace.layer(0).f.shape == (5, 2, 4)
    (gradient,) = torch.autograd.grad(trace.layer(0).f.sum() + output.sum(), x)
    expected = layer.trace(x)
    (other,) = torch.autograd.grad(expected.layer(0).f.sum() + expected.output.sum(), x)
    agrees(gradient, other)


def test_dropout_between_layers_is_drawn_once():
    layer, x = keepgate.GRU(3, 8, 2, dropout=0.5), torch.randn(5, 2, 3)
    torch.manual_seed(1)
    (output, _), _ = listened(layer, x)
    torch.manual_seed(1)
    agrees(output, layer(x)[0])


def test_a_layer_has_no_child_until_somebody_asks():
    model = nn.Sequential(keepgate.LSTM(3, 4), nn.Flatten())
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert not [*model[0].children()]
    gates = model.get_submodule("0.gates")
    assert [*model[0].named_children()] == [("gates", gates)]
    assert model[0].gates is gates
    assert [*model.state_dict()] == [*weights]
    keepgate.LSTM(3, 4).load_state_dict(model[0].state_dict())
    model.load_state_dict(weights)


def test_without_a_hook_no_trace_is_made(monkeypatch):
    layer, x = keepgate.LSTM(3, 4), torch.randn(5, 2, 3)
    monkeypatch.setattr(Recurrent, "trace", lambda *_, **__: pytest.fail("a trace was made"))
    layer(x)
    layer.gates.register_forward_hook(lambda *_: None).remove()
    layer(x)


def listener(gates, args, trace):
    gates.heard = [*getattr(gates, "heard", []), len(trace.layers)]


def test_copies_and_pickled_layers_go_on_listening():
    layer, x = keepgate.GRU(3, 4), torch.randn(5, 2, 3)
    layer.gates.register_forward_hook(listener)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.gates is not layer.gates
        other(x)
        assert other.gates.heard == [1]
    assert not hasattr(layer.gates, "heard")


def test_in_a_swapped_layer_until_it_is_torchs_again():
    model, x = nn.Sequential(nn.LSTM(3, 4)), torch.randn(5, 2, 3)
    expected = model(x)[0]
    keepgate.swap(model)
    (output, _), (trace,) = listened(model[0], x)
    agrees(output, expected)
    assert set(trace.layer(0)) == set("ifgoch")
    keepgate.unswap(model)
    assert not [*model[0].children()]


def test_the_lens_sees_no_difference():
    model, x = nn.Sequential(keepgate.LSTM(3, 4)), torch.randn(5, 2, 3)
    with keepgate.lens.attach(model) as attached:
        listened(model[0], x)
        agrees(attached["0"].trace.layer(0).f, model[0].trace(x).layer(0).f)


def test_a_hook_that_gives_other_values_is_refused():
    layer, x = keepgate.LSTM(3, 4), torch.randn(5, 2, 3)
    for register in (layer.gates.register_forward_hook, layer.gates.register_forward_pre_hook):
        with (
            register(lambda *_: "another"),
            pytest.raises(keepgate.SettingsError, match="returned str in place of the trace"),
        ):
            layer(x)


@pytest.mark.parametrize("name", ["register_full_backward_hook", "register_full_backward_pre_hook"])
def test_a_backward_hook_would_never_be_called(name):
    with pytest.raises(keepgate.SettingsError, match="register a forward hook"):
        getattr(keepgate.LSTM(3, 4).gates, name)(lambda *_: None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.usefixtures("as_users_run")
def test_a_jit_trace_records_no_hook():
    layer, x = keepgate.LSTM(3, 4), torch.randn(5, 2, 3)
    with layer.gates.register_forward_hook(lambda *_: pytest.fail("called while torch.jit.trace records")):
        traced = torch.jit.trace(layer, x, check_trace=False)
    agrees(traced(x)[0], layer(x)[0])
