"""A run reads the weights as they are: nothing packed before outlives a change, but of a frozen layer."""

import copy
import io
import pickle

import pytest
import torch
from torch.func import functional_call

import keepgate
from keepgate.kernels.core import packed_weights
from tests.oracles import by_kernel


@pytest.fixture
def layer():
    return keepgate.LSTM(5, 7, 2, bidirectional=True, kernel="cpu")


def agree(layer, x):
    """The layer's output now is what a new one with the same weights gives, bit for bit; also of one step alone."""
    with torch.no_grad():
        for steps in (x, x[:1]):
            assert torch.equal(layer(steps)[0], copy.deepcopy(layer)(steps)[0])
            torch.testing.assert_close(layer(steps)[0], by_kernel(layer, "reference")(steps)[0])


def counted(monkeypatch):
    """A list that grows by one whenever weights are packed for later runs."""
    seen, pack = [], packed_weights.pack

    def counting(*args):
        seen.append(args)
        return pack(*args)

    monkeypatch.setattr(packed_weights, "pack", counting)
    return seen


def test_only_frozen_weights_are_packed_for_later_runs_and_once(layer, monkeypatch):
    x, seen = torch.randn(4, 3, 5), counted(monkeypatch)
    with torch.no_grad():
        before = layer(x)[0]
        assert not seen
        keepgate.freeze(layer)
        for rows in (3, 1, 3):
            frozen = layer(x[:, :rows])[0]
            assert torch.equal(layer.trace(x[:2, :rows]).output, layer(x[:2, :rows])[0])
        assert torch.equal(frozen, before)
        assert torch.equal(layer(x[:1])[0], copy.deepcopy(layer)(x[:1])[0])
    assert len(seen) == 8  # each layer and direction, of the copy too


def data(layer):
    layer.weight_hh_l0.data.mul_(1.5)


def numpy(layer):
    layer.bias_ih_l1.detach().numpy()[3] += 1


def one_bit(layer):
    layer.weight_ih_l1_reverse.detach().view(torch.int32)[-1, -1] ^= 1 << 20


def optimizer(layer):
    x = torch.randn(4, 3, 5)
    steps = torch.optim.SGD(layer.parameters(), lr=0.5)
    layer(x)[0].square().sum().backward()
    steps.step()


def loaded(layer):
    layer.load_state_dict(keepgate.LSTM(5, 7, 2, bidirectional=True).state_dict())


def assigned(layer):
    layer.load_state_dict(keepgate.LSTM(5, 7, 2, bidirectional=True).state_dict(), assign=True)


def other_memory(layer):
    layer.weight_hh_l0.data = layer.weight_hh_l0.data * 2


def turned(layer):
    # The same memory, read in another order.
    layer.weight_hh_l0.data = layer.weight_hh_l0.data.view(7, 28).T


def other_parameter(layer):
    layer.weight_hh_l1 = torch.nn.Parameter(torch.randn(28, 7))


def swapped(layer):
    first, second = layer.bias_ih_l0.data, layer.bias_hh_l0_reverse.data
    layer.bias_ih_l0.data, layer.bias_hh_l0_reverse.data = second, first


@pytest.mark.parametrize(
    "change",
    [data, numpy, one_bit, optimizer, loaded, assigned, other_memory, turned, other_parameter, swapped],
    ids=lambda change: change.__name__,
)
def test_a_change_is_seen_at_once(layer, change):
    x, hx = torch.randn(4, 3, 5), (torch.randn(4, 3, 7), torch.randn(4, 3, 7))
    with torch.no_grad():
        before, one_step = layer(x)[0], layer(x[:1], hx)[0]
    change(layer)
    agree(layer, x)
    with torch.no_grad():
        assert not torch.equal(layer(x)[0], before)
        assert not torch.equal(layer(x[:1], hx)[0], one_step)


def test_weights_lent_for_one_call_are_those_of_that_call(layer):
    x = torch.randn(4, 3, 5)
    lent = {name: torch.randn_like(weight) for name, weight in layer.named_parameters()}
    other = copy.deepcopy(layer)
    other.load_state_dict(lent)
    with torch.no_grad():
        before = layer(x)[0]
        assert torch.equal(functional_call(layer, lent, (x,))[0], other(x)[0])
        assert torch.equal(layer(x)[0], before)


def test_a_parametrised_weight_is_computed_anew():
    layer = keepgate.GRU(5, 7, kernel="cpu")
    x = torch.randn(4, 3, 5)
    torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    with torch.no_grad():
        before = layer(x)[0]
        layer.parametrizations.weight_hh_l0.original0.mul_(2)
        after = layer(x)[0]
    assert not torch.equal(before, after)
    plain = keepgate.GRU(5, 7, kernel="cpu")
    with torch.no_grad():
        for name, weight in plain.named_parameters():
            weight.copy_(getattr(layer, name))
        assert torch.equal(plain(x)[0], after)


def test_two_layers_that_share_a_weight_do_not_mix():
    one, other = keepgate.GRU(5, 7, kernel="cpu"), keepgate.GRU(5, 7, kernel="cpu")
    other.weight_ih_l0 = one.weight_ih_l0
    x = torch.randn(4, 3, 5)
    for _ in range(2):
        agree(one, x)
        agree(other, x)


def test_copies_and_pickles_carry_no_pack(layer):
    x = torch.randn(4, 3, 5)
    names, size = set(vars(layer)), len(pickle.dumps(layer))
    with torch.no_grad():
        expected = layer(x)[0]
    assert set(vars(layer)) == names
    assert len(pickle.dumps(layer)) == size
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    others = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.load(buffer, weights_only=False)
    for other in others:
        with torch.no_grad():
            assert torch.equal(other(x)[0], expected)
            other.weight_hh_l0.zero_()
            assert not torch.equal(other(x)[0], expected)
            assert torch.equal(layer(x)[0], expected)
    assert list(layer.state_dict()) == list(torch.nn.LSTM(5, 7, 2, bidirectional=True).state_dict())
