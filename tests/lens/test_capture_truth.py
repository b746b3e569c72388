"""What is recovered is the run that was, whatever else the model does; else it is refused."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from keepgate import LSTM, SettingsError
from keepgate.lens import attach, capture_layer

STEPS, ROWS, INPUTS, UNITS = 9, 4, 3, 5
KINDS = [nn.RNN, nn.LSTM, nn.GRU]


def given():
    return torch.randn(STEPS, ROWS, INPUTS, generator=torch.Generator().manual_seed(1))


def last(final):
    return final[-1] if isinstance(final, tuple) else final


def last_recovered(trace):
    return last(tuple(trace.layer(-1)[state][-1] for state in trace.layer(-1).cell.states))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both", [False, True])
def test_a_layer_that_packs_inside_is_refused(kind, both):
    class Packs(kind):
        def forward(self, x, hx=None, lengths=None):
            output, final = super().forward(pack_padded_sequence(x, lengths, enforce_sorted=False), hx)
            return pad_packed_sequence(output)[0], final

    layer = Packs(INPUTS, UNITS, bidirectional=both)
    with attach(layer), pytest.raises(SettingsError, match=r"returned.*packing outside"):
        layer(given(), None, torch.tensor([STEPS, 3, 5, 1]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_that_changes_the_output_changes_nothing_that_is_recovered(kind):
    layer = kind(INPUTS, UNITS)
    layer.register_forward_hook(lambda _module, _args, result: (result[0] * 2, result[1]))
    with torch.no_grad(), attach(layer) as runs:
        _, final = layer(given())
    torch.testing.assert_close(last_recovered(runs[kind.__name__].trace), last(final)[0], atol=1e-5, rtol=0)


def test_a_weight_drawn_at_each_use_is_refused():
    class Noise(nn.Module):
        def forward(self, weight):
            return weight + torch.randn_like(weight)

    layer = nn.LSTM(INPUTS, UNITS)
    nn.utils.parametrize.register_parametrization(layer, "weight_hh_l0", Noise())
    with attach(layer), pytest.raises(SettingsError, match="random weight"):
        layer(given())


@pytest.mark.parametrize("kind", [*KINDS, LSTM])
def test_a_run_owns_its_memory(kind):
    layer, x = kind(INPUTS, UNITS, batch_first=True), given().transpose(0, 1).contiguous()
    with torch.no_grad(), attach(layer) as runs:
        output, final = layer(x)
        was, read = output.clone(), x.clone()
        for one in (output, x, last(final)):
            one.zero_()
    run = runs[kind.__name__]
    torch.testing.assert_close(run.trace.output.transpose(0, 1), was)
    torch.testing.assert_close(run.trace.layer(0).h.transpose(0, 1), was)
    torch.testing.assert_close(run.x.transpose(0, 1), read)
    assert bool(run.final[0].any())


def test_attaching_makes_no_step_of_a_power_iteration():
    torch.manual_seed(0)
    layer = nn.utils.parametrizations.spectral_norm(nn.LSTM(INPUTS, UNITS), "weight_hh_l0")
    start = nn.functional.normalize(torch.randn(UNITS * 4), dim=0)
    layer.parametrizations.weight_hh_l0[0]._u.copy_(start)  # not yet converged
    # Two copies, for torch computes a fresh layer's weights more often in its first call.
    layer, twin = copy.deepcopy(layer), copy.deepcopy(layer)
    with attach(layer):
        layer(given())
        twin(given())
    assert layer.training
    assert layer.parametrizations.weight_hh_l0.training
    for name, value in layer.state_dict().items():
        torch.testing.assert_close(value, twin.state_dict()[name], rtol=0, atol=1e-6)


def test_a_watched_model_is_pickled_and_copied_without_its_hooks():
    model, x = nn.Sequential(nn.LSTM(INPUTS, UNITS)).eval(), given()
    with torch.no_grad(), attach(model, keep="all") as runs:
        wanted = model(x)[0]
        for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            torch.testing.assert_close(again(x)[0], wanted)
        assert len(runs.runs("0")) == 1


def test_a_layer_bound_to_one_kernel_is_seen():
    layer = LSTM(INPUTS, UNITS, kernel="builtin")
    with torch.no_grad(), attach(layer) as runs:
        output, _ = layer(given())
    torch.testing.assert_close(runs["LSTM"].trace.output, output, rtol=0, atol=1e-5)
    torch.testing.assert_close(capture_layer(layer, given()).trace.output, output, rtol=0, atol=1e-5)
