"""swap: the layers become keepgate's in place, nothing else of the model changes, and unswap is the way back."""

import copy
import math
import time

import pytest
import torch
from torch import nn

import keepgate
from keepgate.swapping import example_run, torch_subclasses
from tests.oracles import agrees, flat
from tests.swapping.models import Tagger, tagger

PATHS = ("deep", "inner.gru", "cells.0", "cells.1", "cells.2", "last")


def gradients(model, x):
    model.zero_grad()
    model(x).square().sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def test_a_swapped_model_gives_the_same_outputs_and_gradients_and_unswap_the_same_bits():
    model, x = tagger()
    expected, slopes, printed = model(x), gradients(model, x), repr(model)
    parameters = dict(model.named_parameters())
    layers = dict(model.named_modules())
    report = keepgate.swap(model)
    assert report.swapped == PATHS
    assert repr(model) == printed
    assert all(parameters[name] is parameter for name, parameter in model.named_parameters())
    assert all(layers[name] is module for name, module in model.named_modules())
    agrees(model(x), expected)
    with torch.no_grad():
        agrees(model(x), expected)
    for mine, other in zip(gradients(model, x), slopes, strict=True):
        agrees(mine, other, "gradient")
    assert keepgate.unswap(model) == PATHS
    assert torch.equal(model(x), expected)
    assert [type(model.deep), type(model.cells[0])] == [nn.LSTM, nn.LSTMCell]
    assert keepgate.unswap(model) == ()


@pytest.mark.parametrize("kind", torch_subclasses.OURS, ids=lambda kind: kind.__name__)
def test_a_swapped_layer_is_an_instance_of_both_and_computes_by_ours(kind):
    layer = kind(3, 4)
    assert keepgate.swap(layer).swapped == ("",)
    ours = getattr(keepgate, kind.__name__)
    assert isinstance(layer, kind)
    assert isinstance(layer, ours)
    assert type(layer).forward.__wrapped__ is ours.forward


def test_torchs_kernels_do_not_run(monkeypatch):
    def forbidden(*_):
        raise AssertionError("torch's own kernel ran")

    model, x = tagger()
    keepgate.swap(model)
    for kind in (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell):
        monkeypatch.setattr(kind, "forward", forbidden)
    for name in ("lstm", "gru", "rnn_relu", "lstm_cell", "gru_cell", "rnn_relu_cell"):
        monkeypatch.setattr(torch, name, forbidden)
    model(x).sum().backward()
    with torch.no_grad():
        model(x)


def test_hooks_mode_options_and_an_optimiser_go_on():
    model, x = Tagger().train(), torch.randn(7, 3, 6)
    seen = []
    model.deep.register_forward_hook(lambda layer, *_: seen.append(layer))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    keepgate.swap(model)
    assert model.deep.training
    assert (model.deep.dropout, model.deep.proj_size) == (0.5, 3)
    assert model.inner["gru"].batch_first
    before = model.deep.weight_hh_l0.detach().clone()
    model(x).sum().backward()
    optimiser.step()
    assert seen == [model.deep]
    assert not torch.equal(model.deep.weight_hh_l0, before)
    layer = model.deep
    keepgate.unswap(model)
    assert seen == [layer]
    assert torch.equal(model.deep._flat_weights[1], model.deep.weight_hh_l0)


def test_weights_that_changed_while_it_was_swapped_are_those_after_unswap():
    model, x = tagger()
    keepgate.swap(model)
    model.double().load_state_dict(Tagger(torch.float64).state_dict(), assign=True)
    ours = model(x)
    keepgate.unswap(model)
    agrees(ours, model(x))


def test_packed_rows_and_given_states():
    model = nn.GRU(4, 5, bidirectional=True, dtype=torch.float64)
    lengths, hx = torch.tensor([3, 7, 1]), torch.randn(2, 3, 5, dtype=torch.float64)
    packed = nn.utils.rnn.pack_padded_sequence(
        torch.randn(7, 3, 4, dtype=torch.float64), lengths, enforce_sorted=False
    )
    expected = model(packed, hx)
    keepgate.swap(model)
    output, final = model(packed, hx)
    agrees(output.data, expected[0].data)
    agrees(final, expected[1])


def test_one_layer_in_two_places_is_swapped_once():
    layer = nn.GRU(4, 4)
    model = nn.ModuleDict({"first": layer, "second": layer})
    assert keepgate.swap(model).swapped == ("first",)
    assert model["first"] is model["second"] is layer


class Own(nn.LSTM):
    pass


def parametrised():
    return nn.utils.parametrizations.weight_norm(nn.LSTM(3, 4), "weight_hh_l0")


def replaced():
    layer = nn.GRU(3, 4)
    layer.forward = layer.forward
    return layer


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Own(3, 4), "a class of its own, tests.swapping.test_swap.Own"),
        (parametrised, "weight_hh_l0 is parametrised"),
        (lambda: torch.jit.script(nn.LSTM(3, 4)), "scripted by torch.jit"),
        (lambda: nn.LSTM(3, 4, device="meta"), "on meta, for which there is no kernel of ours"),
        (lambda: nn.GRUCell(3, 4, dtype=torch.bfloat16), "in torch.bfloat16"),
        (lambda: keepgate.LSTM(3, 4), "keepgate's already"),
        (replaced, "its forward was replaced"),
    ],
)
def test_what_cannot_be_swapped_is_left_alone_with_the_reason(make, reason):
    layer = make()
    kind, state = type(layer), dict(layer.__dict__)
    report = keepgate.swap(nn.Sequential(layer))
    assert report.swapped == ()
    assert reason in report.layers[0].reason
    assert reason in str(report)
    assert type(layer) is kind
    assert layer.__dict__.keys() == state.keys()


def test_a_model_without_recurrent_layers_says_so():
    assert str(keepgate.swap(nn.Linear(2, 2))) == "the model has no recurrent layer"


def test_an_example_gives_times_shares_and_the_largest_difference():
    model, x = tagger()
    model.train()
    report = keepgate.swap(model, example=x)
    assert 0 <= report.difference < 1e-12
    assert 0 < report.recurrent_share < 1
    for layer in report.layers:
        assert min(layer.seconds_before, layer.seconds_after) > 0
        assert layer.swapped == (type(model.get_submodule(layer.name)) in torch_subclasses.THEIRS)
    assert "whole model:" in str(report)
    assert "largest difference of the outputs:" in str(report)
    assert model.training
    assert model.deep.training


def test_a_layer_in_which_ours_is_slower_is_left_alone(monkeypatch):
    times = iter([(1.0, {"0": 0.5, "2": 0.2}), (0.9, {"0": 0.6, "2": 0.1})] * 20)
    monkeypatch.setattr(example_run, "_timed", lambda *_: example_run.Timing(*next(times)))
    model = nn.Sequential(nn.GRU(3, 4), Second(), nn.GRU(4, 4))
    report = keepgate.swap(model, example=torch.randn(5, 2, 3))
    assert report.swapped == ("2",)
    assert report.layers[0].reason == "ours is slower in the example"
    assert (report.layers[0].seconds_before, report.layers[0].seconds_after) == (0.5, 0.6)
    assert type(model[0]) is nn.GRU
    assert report.recurrent_share == pytest.approx(0.7)


def test_the_first_run_of_a_turn_is_not_counted():
    """It finds the other side's weights in the caches; here it sleeps."""

    class Cold(nn.Module):
        kind = None

        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(3, 4)

        def forward(self, x):
            if type(self.layer) is not self.kind:
                time.sleep(0.2)
                self.kind = type(self.layer)
            return self.layer(x)[0]

    report = keepgate.swap(Cold(), example=torch.randn(5, 2, 3))
    assert max(report.seconds_before, report.seconds_after) < 0.2


class Second(nn.Module):
    def forward(self, pair):
        return pair[0]


def test_a_difference_is_stated_and_not_hidden():
    """A layer of ours that gives other numbers shows in the report."""
    model, x = nn.Sequential(nn.GRU(3, 4)), torch.randn(5, 2, 3)
    before = model(x)
    keepgate.swap(model)
    with torch.no_grad():
        model[0].weight_hh_l0[0, 0] += 1.0
    after = model(x)
    expected = max(
        float((a - b).detach().abs().max()) for a, b in zip(flat(before), flat(after), strict=True)
    )
    difference = example_run.output_difference(example_run.outputs(before), example_run.outputs(after))
    assert difference.largest == pytest.approx(expected)
    nan = [torch.tensor([1.0, float("nan")])], [torch.tensor([1.0, 2.0])]
    assert all(map(math.isnan, example_run.output_difference(*nan)))
    assert example_run.output_difference(nan[0], nan[0]) == (0, 0)
    infinite = [torch.tensor([float("inf"), 1.0, 2.0, 5.0])], [torch.tensor([float("inf"), 1.0, 4.0, 3.0])]
    assert example_run.output_difference(*infinite) == (2, 1)
    assert example_run.output_difference([torch.tensor([3 + 0j])], [torch.tensor([0 - 4j])]) == (5, 5)
    assert example_run.output_difference([], []) == (0, 0)


@pytest.mark.parametrize("form", ["tuple", "keywords", "function"])
def test_an_example_in_every_form(form):
    class Takes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.LSTM(3, 4)

        def forward(self, x, scale):
            return {"all": [self.layer(x * scale)[0]]}

    x, scale = torch.randn(5, 2, 3), torch.tensor(2.0)
    example = {
        "tuple": (x, scale),
        "keywords": {"x": x, "scale": scale},
        "function": lambda model: model(x, scale=scale),
    }[form]
    assert keepgate.swap(Takes(), example=example).difference < 1e-5


def test_an_example_that_the_model_refuses_is_told_and_nothing_is_swapped():
    model = nn.Sequential(nn.GRU(3, 4)).train()
    with pytest.raises(RuntimeError, match="input_size"):
        keepgate.swap(model, example=torch.randn(5, 2, 7))
    assert type(model[0]) is nn.GRU
    assert model[0].training
    assert not model[0]._forward_hooks


def test_frozen_weights_are_trusted_until_thaw():
    model, x = tagger()
    expected = model(x)
    keepgate.swap(model, frozen=True)
    agrees(model(x), expected)
    assert not any(p.requires_grad for name, p in model.named_parameters() if "head" not in name)
    with torch.no_grad():
        for layer in (model.deep, model.cells[0]):
            next(layer.parameters()).zero_()
    kept = model(x)
    with pytest.raises(RuntimeError, match=r"call keepgate\.thaw first"):
        model.load_state_dict(model.state_dict())
    keepgate.thaw(model)
    assert all(p.requires_grad for p in model.parameters())
    ours = model(x)
    assert not torch.equal(ours, kept)
    keepgate.unswap(model)
    agrees(ours, model(x))


def test_a_frozen_layer_ignores_writes_and_a_copy_of_it_takes_the_numbers_of_now():
    layer, x = keepgate.LSTM(3, 4), torch.randn(1, 2, 3)
    keepgate.freeze(layer)
    hx = (torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))
    before = layer(x)[0]
    with torch.no_grad():
        layer.weight_ih_l0.zero_()
    assert torch.equal(layer(x)[0], before)
    assert torch.equal(layer(x, hx)[0], before)
    other = copy.deepcopy(layer)
    assert not torch.equal(other(x)[0], before)
    keepgate.thaw(layer)
    assert torch.equal(layer(x)[0], other(x)[0])


@pytest.mark.parametrize("call", [keepgate.swap, keepgate.unswap, keepgate.freeze, keepgate.thaw])
@pytest.mark.usefixtures("as_users_run")
def test_what_is_no_model_is_refused(call):
    with pytest.raises(TypeError, match="the model is a dict; give a torch"):
        call({"layer": nn.GRU(3, 4)})


def test_freezing_refuses_a_model_in_which_it_would_freeze_nothing():
    with pytest.raises(
        keepgate.SettingsError, match=r"LSTM has no layer of keepgate's.*keepgate\.swap.*requires_grad_"
    ):
        keepgate.freeze(nn.LSTM(3, 4))


def test_freezing_refuses_a_computed_weight_and_then_freezes_nothing():
    model = nn.Sequential(keepgate.GRU(3, 4), keepgate.GRU(3, 4))
    nn.utils.parametrizations.weight_norm(model[1], "weight_hh_l0")
    with pytest.raises(keepgate.SettingsError, match="weight_hh_l0 of this"):
        keepgate.freeze(model)
    assert all(p.requires_grad for p in model.parameters())
