"""What a layer is built from and given: numpy's numbers, classes built on it, and what does not fit, said in words."""

import abc
import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import keepgate
from keepgate.nn import LockedDropout, Recurrent, TimeDelayLayer
from tests.oracles import agrees

LAYERS = ["RNN", "LSTM", "GRU"]


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, torch.tensor])
@pytest.mark.parametrize("name", LAYERS)
def test_sizes_may_be_numpys_integers(name, kind, as_users_run):
    layer = getattr(keepgate, name)(kind(3), kind(4), num_layers=kind(2), dropout=np.float32(0.5))
    assert layer(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)
    assert {type(getattr(layer, name)) for name in ("input_size", "hidden_size", "num_layers")} == {int}
    assert layer.stepper(kind(3)).step(torch.zeros(3, 3)).shape == (3, 4)


def test_other_settings_may_be_numpys(as_users_run):
    layer = keepgate.LSTM(3, 4, bias=np.True_, bidirectional=np.True_, init="chrono", horizon=np.int64(9))
    assert repr(layer) == "LSTM(3, 4, bidirectional=True, init='chrono', horizon=9.0)"
    assert keepgate.LSTM(3, np.int64(8), proj_size=np.int64(2)).output_size == 2
    assert keepgate.GRUCell(np.int64(3), np.int64(4), forget_bias=np.float64(1))(torch.zeros(2, 3)).shape == (
        2,
        4,
    )
    assert TimeDelayLayer(np.int64(3), np.int64(4), window=np.int64(2)).window == 2
    assert LockedDropout(np.float32(0.25)).p == 0.25


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_size": np.float64(4)}, {"hidden_size": np.True_}, {"num_layers": None}, {"dropout": "0.5"},
        {"dropout": float("nan")}, {"dropout": None}, {"horizon": "9", "init": "chrono"}, {"forget_bias": True},
        {"bidirectional": 1}, {"input_size": [3]}, {"proj_size": 1.0},
    ],
)  # fmt: skip
def test_what_is_no_such_number_is_refused_by_name(options, as_users_run):
    with pytest.raises((TypeError, keepgate.SettingsError), match=next(iter(options))):
        keepgate.LSTM(**{"input_size": 3, "hidden_size": 4} | options)


@pytest.mark.parametrize("name", LAYERS)
def test_a_class_on_rnnbase_and_a_layer(name):
    class Shared(abc.ABC, nn.RNNBase):
        """What a library adds to every recurrent layer."""

        def units(self):
            return self.hidden_size

    class Mixed(Shared, getattr(keepgate, name)):
        pass

    layer, theirs = Mixed(3, 4, 2), getattr(nn, name)(3, 4, 2)
    theirs.load_state_dict(layer.state_dict())
    x = torch.randn(5, 2, 3)
    agrees(layer(x)[0], theirs(x)[0])
    agrees(copy.deepcopy(layer).double()(x.double())[0], theirs.double()(x.double())[0])
    assert layer.units() == 4
    assert isinstance(keepgate.GRUCell(3, 4), nn.RNNCellBase)


class Counted(nn.Module):
    """A parametrization that counts how often it is computed."""

    times = 0

    def forward(self, weight):
        self.times += 1
        return weight * 1


CALLS = {
    "plain": lambda layer, x: layer(x),
    "states": lambda layer, x: layer(
        x, tuple(x.new_zeros(layer.num_layers * layer.directions, 2, 4) for _ in "hc")
    ),
    "lengths": lambda layer, x: layer(x, lengths=[5, 2]),
    "resets": lambda layer, x: layer(x, resets=torch.zeros(5, 2, dtype=torch.bool)),
    "unbatched": lambda layer, x: layer(x[:, 0]),
    "trace": lambda layer, x: layer.trace(x),
    "calls": lambda layer, x: layer.calls(x),
}


@pytest.mark.parametrize(
    "options", [{}, {"num_layers": 2}, {"bidirectional": True}, {"kernel": "reference"}], ids=str
)
@pytest.mark.parametrize("call", CALLS)
def test_a_parametrised_weight_is_computed_once_a_call(call, options):
    layer, x = keepgate.LSTM(3, 4, **options), torch.randn(5, 2, 3)
    counts = {name: Counted() for name in ("weight_hh_l0", "weight_ih_l0")}
    for name, count in counts.items():
        parametrize.register_parametrization(layer, name, count)
        count.times = 0
    CALLS[call](layer, x)
    assert [count.times for count in counts.values()] == [1, 1]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "change",
    [
        lambda layer: parametrizations.weight_norm(layer, "weight_hh_l0"),
        lambda layer: parametrizations.spectral_norm(layer, "weight_hh_l0"),
        lambda layer: nn.utils.weight_norm(layer, "weight_hh_l0"),
        lambda layer: nn.utils.spectral_norm(layer, "weight_hh_l0"),
        lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
    ],
)
@pytest.mark.parametrize("name", LAYERS)
def test_weights_that_torch_computes_are_used_and_learn(name, change):
    layer, theirs = getattr(keepgate, name)(3, 4), getattr(nn, name)(3, 4)
    change(layer)
    x = torch.randn(5, 2, 3)
    layer.eval()
    output = layer(x)[0]
    weights = {name: getattr(layer, name).detach() for name, _ in theirs.named_parameters()}
    theirs.load_state_dict(weights)
    agrees(output, theirs(x)[0])
    output.sum().backward()
    assert all(weight.grad is not None for weight in layer.parameters())


x = torch.randn(5, 2, 3)
zeros = torch.zeros(1, 2, 4)


@pytest.mark.parametrize(
    ("hx", "said"),
    [
        ((None, None), "initial state h is NoneType"),
        ((zeros, None), "initial state c is NoneType"),
        ((zeros, zeros.numpy()), "initial state c is ndarray"),
        ("states", "hx holds 1"),
        (zeros.numpy(), "hx holds 1"),
        ((zeros, (zeros,)), "initial state c is tuple"),
        ((), "hx holds 0"),
        (zeros, "hx holds 1"),
    ],
)
def test_states_that_are_none_are_refused_in_words(hx, said, as_users_run):
    for call in (keepgate.LSTM(3, 4), keepgate.LSTM(3, 4).trace):
        with pytest.raises(keepgate.ShapeError, match=said):
            call(x, hx)


@pytest.mark.parametrize("hx", [zeros[0], (zeros[0],), (None, None), "h", (zeros[0], None)])
def test_a_cells_states_that_are_none_are_refused_in_words(hx, as_users_run):
    with pytest.raises(keepgate.ShapeError, match=r"state c is NoneType|state h is|tuple of h, c"):
        keepgate.LSTMCell(3, 4)(x[0], hx)


@pytest.mark.parametrize("lengths", ["ab", [5, None], [[5], [2]], [5.0, 2.0], 5, [5, 2, 1], [6, 1], [5, -1]])
def test_lengths_that_are_none_are_refused_in_words(lengths, as_users_run):
    with pytest.raises(keepgate.ShapeError, match="lengths"):
        keepgate.LSTM(3, 4)(x, lengths=lengths)


@pytest.mark.parametrize("resets", [[True], "no", torch.zeros(5, 2), torch.zeros(2, 5, dtype=torch.bool), 1])
def test_resets_that_are_none_are_refused_in_words(resets, as_users_run):
    with pytest.raises(keepgate.ShapeError, match="resets"):
        keepgate.LSTM(3, 4)(x, resets=resets)


def test_no_advice_that_would_be_refused(as_users_run):
    for layer in (keepgate.LSTM(3, 4), keepgate.LSTMCell(3, 4)):
        with pytest.raises(keepgate.ShapeError) as refused:
            layer(x[0, :, :0] if isinstance(layer, nn.RNNCellBase) else x[..., :0])
        assert "input_size=0" not in str(refused.value)


def test_a_trace_names_its_cell_where_it_lacks_a_name():
    with pytest.raises(AttributeError, match="a trace of gru has no 'q'; it shows h"):
        _ = keepgate.GRU(3, 4).trace(x).layer(0).q


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize(
    "change",
    [{"weight_hh_l0": torch.zeros(3, 3)}, {"bias_hh_l1_reverse": "text"}, {"surplus": torch.zeros(1)}, None],
)
def test_weights_that_do_not_fit_change_nothing(change, assign, inside):
    layer = keepgate.LSTM(3, 4, 2, bidirectional=True)
    before, objects = copy.deepcopy(layer.state_dict()), dict(layer.named_parameters())
    wrong = {name: torch.ones_like(weight) for name, weight in before.items()} | (change or {})
    if change is None:
        del wrong["bias_ih_l1"]
    # A model tells its parts of shapes that do not fit, and not of names.
    model = nn.Sequential(layer) if inside and "surplus" not in wrong and change else layer
    prefix = "0." if model is not layer else ""
    with pytest.raises(RuntimeError):
        model.load_state_dict({prefix + name: value for name, value in wrong.items()}, assign=assign)
    assert all(torch.equal(weight, before[name]) for name, weight in layer.state_dict().items())
    assert all(weight is objects[name] for name, weight in layer.named_parameters())


def test_some_weights_may_be_loaded_where_that_is_asked_for():
    layer = keepgate.LSTM(3, 4)
    found = layer.load_state_dict({"weight_hh_l0": torch.ones(16, 4)}, strict=False)
    assert bool((layer.weight_hh_l0 == 1).all())
    assert found.missing_keys == ["weight_ih_l0", "bias_ih_l0", "bias_hh_l0"]


def test_a_cells_weights_that_do_not_fit_change_nothing():
    cell = keepgate.GRUCell(3, 4)
    before = {name: weight.clone() for name, weight in cell.state_dict().items()}
    with pytest.raises(RuntimeError):
        cell.load_state_dict(
            {name: torch.ones_like(w) for name, w in before.items()} | {"bias_hh": torch.ones(2)}
        )
    assert all(torch.equal(weight, before[name]) for name, weight in cell.state_dict().items())


@pytest.mark.parametrize("build", [keepgate.LSTM, keepgate.GRU, keepgate.LSTMCell])
def test_what_moves_a_module_moves_a_layer(build):
    layer = build(3, 4)
    layer.double().to("meta")
    layer.to_empty(device="cpu")
    layer.reset_parameters()
    assert {weight.dtype for weight in layer.parameters()} == {torch.float64}
    assert not isinstance(layer, Recurrent) or len(layer.all_weights) == 1


@pytest.mark.parametrize(
    "form",
    [
        torch.Tensor.to_sparse,
        torch.Tensor.to_mkldnn,
        lambda x: torch.nested.nested_tensor([x[:3, 0], x[:2, 1]], layout=torch.jagged),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_input_that_is_no_plain_tensor_is_refused_in_words(form, as_users_run):
    with pytest.raises(keepgate.ShapeError, match="give a plain one"):
        keepgate.LSTM(3, 4)(form(x))


@pytest.mark.parametrize("cell", ["lstm", None, keepgate.LSTM])
def test_a_cell_that_is_none_is_refused_in_words(cell, as_users_run):
    with pytest.raises(keepgate.SettingsError, match=r"keepgate\.cells\.lstm"):
        Recurrent(cell, 3, 4)
    with pytest.raises(keepgate.SettingsError, match="tanh or relu"):
        keepgate.RNN(3, 4, nonlinearity=[cell])


def test_a_kernel_named_later_runs_the_next_call(as_users_run):
    layer = keepgate.LSTM(3, 4)
    output = layer(x)[0]
    layer.kernel = "reference"
    assert type(layer(x)[0].grad_fn).__name__ == "StackBackward0"
    agrees(layer(x)[0], output)
    with pytest.raises(keepgate.SettingsError, match="there is no kernel 'gpu'"):
        layer.kernel = "gpu"
    layer.kernel = None
    assert type(layer(x)[0].grad_fn).__name__ == type(output.grad_fn).__name__
