"""keepgate's layers take torch.nn's call, state_dict and errors, and give torch.nn's numbers."""

import contextlib
import copy
import inspect
import io
import itertools
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

import keepgate
from tests.oracles import agrees, flat, gradients, twins
from tests.shapes import SHAPES

LAYERS = ["RNN", "LSTM", "GRU"]
DTYPES = [torch.float32, torch.float64]
STATES = {"RNN": 1, "GRU": 1, "LSTM": 2}


def start(name, layers, rows, hidden, dtype, proj=0):
    """Random initial states, in the form the layer takes them."""
    sizes = [proj or hidden, hidden][: STATES[name]]
    states = tuple(torch.randn(layers, rows, size, dtype=dtype, requires_grad=True) for size in sizes)
    return states if len(states) > 1 else states[0]


def same(ours, theirs, call_ours, call_theirs, inputs):
    """Outputs, states and every gradient."""
    for mine, other in zip(flat(call_ours()), flat(call_theirs()), strict=True):
        agrees(mine, other)
    found = gradients(call_ours, [*inputs, *ours.parameters()])
    expected = gradients(call_theirs, [*inputs, *theirs.parameters()])
    for mine, other in zip(found, expected, strict=True):
        agrees(mine, other, "gradient")


@pytest.mark.parametrize("kernel", [None, "reference"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_every_option_gives_torchs_outputs_states_and_gradients(name, dtype, kernel):
    for layers, bidirectional, batch_first, bias in itertools.product(
        (1, 2), (False, True), (False, True), (True, False)
    ):
        theirs, ours = twins(
            name, 5, 7, layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional, dtype=dtype
        )
        ours.kernel = kernel
        x = torch.randn(4, 3, 5, dtype=dtype, requires_grad=True)
        hx = start(name, layers * (1 + bidirectional), 4 if batch_first else 3, 7, dtype)
        same(ours, theirs, lambda: ours(x, hx), lambda: theirs(x, hx), [x, *flat(hx)])  # noqa: B023
        same(ours, theirs, lambda: ours(x), lambda: theirs(x), [x])  # noqa: B023


@pytest.mark.parametrize("kernel", [None, "reference"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", LAYERS)
def test_odd_shapes_agree(name, shape, kernel):
    steps, rows, inputs, hidden = shape
    theirs, ours = twins(name, inputs, hidden, bidirectional=True)
    ours.kernel = kernel
    x = torch.randn(steps, rows, inputs, dtype=torch.float64, requires_grad=True)
    same(ours, theirs, lambda: ours(x), lambda: theirs(x), [x])


@pytest.mark.parametrize("kernel", [None, "reference"])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_rnn_has_both_nonlinearities(nonlinearity, kernel):
    theirs, ours = twins("RNN", 5, 7, nonlinearity=nonlinearity)
    ours.kernel = kernel
    x = torch.randn(6, 3, 5, dtype=torch.float64, requires_grad=True)
    same(ours, theirs, lambda: ours(x), lambda: theirs(x), [x])
    assert ours.mode == theirs.mode


@pytest.mark.parametrize("kernel", [None, "reference"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [True, False])
def test_projection_agrees(bias, bidirectional, kernel):
    theirs, ours = twins("LSTM", 5, 8, 2, bias=bias, proj_size=3, bidirectional=bidirectional)
    ours.kernel = kernel
    x = torch.randn(6, 4, 5, dtype=torch.float64, requires_grad=True)
    hx = start("LSTM", 2 * (1 + bidirectional), 4, 8, torch.float64, proj=3)
    same(ours, theirs, lambda: ours(x, hx), lambda: theirs(x, hx), [x, *hx])


@pytest.mark.parametrize("name", LAYERS)
def test_unbatched_input_comes_back_unbatched(name):
    theirs, ours = twins(name, 5, 7, 2, bidirectional=True, batch_first=True)
    x = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    hx = start(name, 4, 1, 7, torch.float64)
    hx = tuple(h[:, 0] for h in hx) if isinstance(hx, tuple) else hx[:, 0]
    same(ours, theirs, lambda: ours(x), lambda: theirs(x), [x])
    same(ours, theirs, lambda: ours(x, hx), lambda: theirs(x, hx), [x])


@pytest.mark.parametrize("name", LAYERS)
def test_a_packed_sequence_may_name_its_order_in_one_direction(name):
    """As torch's constructor leaves it."""
    theirs, ours = twins(name, 5, 7)
    given = pack_padded_sequence(torch.randn(6, 4, 5).double(), [4, 1, 6, 3], enforce_sorted=False)
    packed = PackedSequence(given.data, given.batch_sizes, None, given.unsorted_indices)
    torch.testing.assert_close(ours(packed)[0].data, theirs(packed)[0].data)


@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_packed_in_packed_out(name, enforce_sorted):
    theirs, ours = twins(name, 5, 7, 2, bidirectional=True)
    x = torch.randn(6, 4, 5, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([6, 4, 4, 1] if enforce_sorted else [4, 1, 6, 4])
    hx = start(name, 4, 4, 7, torch.float64)

    def packed():
        return pack_padded_sequence(x, lengths, enforce_sorted=enforce_sorted)

    same(ours, theirs, lambda: ours(packed(), hx), lambda: theirs(packed(), hx), [x, *flat(hx)])
    mine, other = ours(packed())[0], theirs(packed())[0]
    assert torch.equal(mine.batch_sizes, other.batch_sizes)
    for field in ("sorted_indices", "unsorted_indices"):
        a, b = getattr(mine, field), getattr(other, field)
        assert (a is None and b is None) or torch.equal(a, b)


def test_one_packed_row_agrees():
    theirs, ours = twins("LSTM", 5, 7)
    packed = pack_sequence([torch.randn(3, 5, dtype=torch.float64)])
    for mine, other in zip(flat(ours(packed)), flat(theirs(packed)), strict=True):
        agrees(mine, other)


@pytest.mark.parametrize("name", LAYERS)
def test_dropout_between_layers_draws_torchs_masks(name):
    theirs, ours = twins(name, 5, 7, 3, dropout=0.4, bidirectional=True)
    x = torch.randn(6, 4, 5, dtype=torch.float64)
    for train in (True, False):
        theirs.train(train)
        ours.train(train)
        torch.manual_seed(5)
        expected = theirs(x)[0]
        torch.manual_seed(5)
        agrees(ours(x)[0], expected)


@pytest.mark.parametrize("name", LAYERS)
def test_state_dicts_load_both_ways(name):
    options = {"num_layers": 2, "bidirectional": True}
    theirs, ours = getattr(nn, name)(5, 7, **options), getattr(keepgate, name)(5, 7, **options)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(4, 3, 5)
    agrees(ours(x)[0], theirs(x)[0])


@pytest.mark.parametrize("name", LAYERS)
def test_the_same_seed_draws_torchs_weights(name):
    torch.manual_seed(11)
    theirs = getattr(nn, name)(5, 7, 2, bidirectional=True)
    torch.manual_seed(11)
    ours = getattr(keepgate, name)(5, 7, 2, bidirectional=True)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(
    ("name", "args", "options"),
    [
        ("LSTM", (3, 4), {}),
        (
            "LSTM",
            (3, 4, 2),
            {"batch_first": True, "proj_size": 2, "bias": False, "dropout": 0.1, "bidirectional": True},
        ),
        ("GRU", (3, 4), {"num_layers": 2}),
        ("RNN", (3, 4), {"nonlinearity": "relu"}),
        ("LSTMCell", (3, 4), {"bias": False}),
        ("RNNCell", (3, 4), {"nonlinearity": "relu"}),
        ("GRUCell", (3, 4), {}),
    ],
)
def test_repr_is_torchs(name, args, options):
    assert repr(getattr(keepgate, name)(*args, **options)) == repr(getattr(nn, name)(*args, **options))


def test_repr_names_what_torch_lacks():
    assert repr(keepgate.LSTM(3, 4, init="chrono", horizon=100)) == "LSTM(3, 4, init='chrono', horizon=100)"


@pytest.mark.parametrize("name", [*LAYERS, "RNNCell", "LSTMCell", "GRUCell"])
def test_positional_arguments_stand_where_torchs_stand(name):
    mine = inspect.signature(getattr(keepgate, name).__init__).parameters
    positional = [p for p in mine if mine[p].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD][1:]
    torchs = {
        "RNN": "input_size hidden_size num_layers nonlinearity bias batch_first dropout bidirectional device dtype",
        "LSTM": "input_size hidden_size num_layers bias batch_first dropout bidirectional proj_size device dtype",
        "GRU": "input_size hidden_size num_layers bias batch_first dropout bidirectional device dtype",
        "RNNCell": "input_size hidden_size bias nonlinearity device dtype",
        "LSTMCell": "input_size hidden_size bias device dtype",
        "GRUCell": "input_size hidden_size bias device dtype",
    }
    assert positional == torchs[name].split()


@pytest.mark.parametrize("name", LAYERS)
def test_copies_pickles_and_saves_are_the_same_layer(name):
    layer = getattr(keepgate, name)(5, 7, 2)
    x = torch.randn(4, 3, 5)
    expected = layer(x)[0]
    saved = io.BytesIO()
    torch.save(layer, saved)
    saved.seek(0)
    others = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.load(saved, weights_only=False)]
    for other in others:
        assert torch.equal(other(x)[0], expected)
        assert repr(other) == repr(layer)
        other.weight_hh_l0.data.zero_()
    assert torch.equal(layer(x)[0], expected)


@pytest.mark.parametrize("name", LAYERS)
def test_to_and_half_and_flatten_parameters(name):
    theirs, ours = twins(name, 5, 7, dtype=torch.float32)
    ours.flatten_parameters()
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    agrees(ours.to(torch.float64)(x)[0], theirs.to(torch.float64)(x)[0])
    assert len(ours.all_weights) == len(theirs.all_weights)
    for mine, other in zip(ours.all_weights[0], theirs.all_weights[0], strict=True):
        assert torch.equal(mine, other)
    assert ours.to("meta").weight_ih_l0.device.type == "meta"


@pytest.mark.parametrize("name", LAYERS)
def test_autocast_is_taken_as_torch_takes_it(name):
    theirs, ours = twins(name, 5, 7, bidirectional=True, dtype=torch.float32)
    x = torch.randn(4, 3, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mine = ours(x)[0]
        try:
            other = theirs(x)[0]
        except RuntimeError:  # of oneDNN: not every processor can run its LSTM in bfloat16
            with torch.autocast("cpu", enabled=False):
                other = theirs(x)[0].to(torch.bfloat16)
    assert mine.dtype == other.dtype
    torch.testing.assert_close(mine.float(), other.float(), rtol=0, atol=2e-2)


def cases_refused_by_torch(name):
    x = torch.randn(5, 2, 3)
    size = 2 * STATES[name]
    wrong = torch.zeros(1, 3, 4)
    hx = (wrong, wrong) if STATES[name] == 2 else wrong
    flat_hx = (wrong[0], wrong[0]) if STATES[name] == 2 else wrong[0]
    assert size
    return [
        (torch.randn(5, 2, 4),),
        (torch.randn(5),),
        (torch.randn(1, 5, 2, 3),),
        (x.double(),),
        (torch.zeros(5, 2, 3, dtype=torch.int64),),
        (torch.randn(0, 2, 3),),
        (x, hx),
        (x, flat_hx),
        (x[:, 0], hx),
    ]


@pytest.mark.parametrize("name", LAYERS)
def test_what_torch_refuses_we_refuse_with_its_class_and_a_way_out(name, as_users_run):
    theirs, ours = twins(name, 3, 4, dtype=torch.float32)
    for case in cases_refused_by_torch(name):
        with pytest.raises((ValueError, RuntimeError)) as torchs:
            theirs(*case)
        with pytest.raises(torchs.type) as mine:
            ours(*case)
        assert isinstance(mine.value, keepgate.ShapeError)
        assert len(str(mine.value)) > 40


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"input_size": 0}, ValueError), ({"hidden_size": 0}, ValueError), ({"hidden_size": -1}, ValueError),
        ({"hidden_size": 4.0}, TypeError), ({"num_layers": 0}, ValueError), ({"dropout": 2}, ValueError),
        ({"dropout": -0.1}, ValueError), ({"dropout": True}, ValueError), ({"proj_size": 4}, ValueError),
        ({"proj_size": -1}, ValueError), ({"bias": 1}, TypeError), ({"batch_first": 0}, TypeError),
        ({"input_size": "3"}, TypeError),
    ],
)  # fmt: skip
def test_settings_that_torch_refuses(options, error, as_users_run):
    """With torch's class. Its 2.6 took an input_size of 0, and numbers for yes and no; later ones do not."""
    settings = {"input_size": 3, "hidden_size": 4} | options
    with contextlib.suppress(error):
        nn.LSTM(**settings)  # an error of another class comes through
    with pytest.raises(error) as mine:
        keepgate.LSTM(**settings)
    assert str(next(iter(options))) in str(mine.value)


@pytest.mark.parametrize("name", ["RNN", "GRU"])
def test_only_an_lstm_projects(name):
    with pytest.raises(ValueError, match="only supported for LSTM"):
        getattr(keepgate, name)(3, 4, proj_size=2)


def test_unknown_nonlinearity_is_named(as_users_run):
    with pytest.raises(ValueError, match="tanh or relu"):
        keepgate.RNN(3, 4, nonlinearity="gelu")
    with pytest.raises(ValueError, match="tanh or relu"):
        keepgate.RNNCell(3, 4, nonlinearity="gelu")


def test_dropout_without_a_second_layer_warns():
    with pytest.warns(UserWarning, match="between layers"):
        keepgate.LSTM(3, 4, dropout=0.5)


@pytest.mark.parametrize("name", LAYERS)
def test_rows_may_be_none(name):
    theirs, ours = twins(name, 5, 7, bidirectional=True)
    x = torch.randn(4, 0, 5, dtype=torch.float64)
    for mine, other in zip(flat(ours(x)), flat(theirs(x)), strict=True):
        assert mine.shape == other.shape
    assert ours(x, lengths=torch.zeros(0, dtype=torch.int64))[0].shape == (4, 0, 14)
    assert ours.trace(x).output.shape == (4, 0, 14)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_single_steps_agree(name, bias):
    theirs, ours = twins(name, 5, 7, bias=bias)
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    h = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    hx = (h, torch.randn(3, 7, dtype=torch.float64)) if name == "LSTMCell" else h
    same(ours, theirs, lambda: ours(x, hx), lambda: theirs(x, hx), [x, h])
    same(ours, theirs, lambda: ours(x), lambda: theirs(x), [x])
    same(ours, theirs, lambda: ours(x[0]), lambda: theirs(x[0]), [x])


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_single_steps_refuse_what_does_not_fit(name, as_users_run):
    ours = getattr(keepgate, name)(5, 7)
    wrong = torch.zeros(2, 7)
    with pytest.raises(keepgate.ShapeError, match="4 features"):
        ours(torch.zeros(3, 4))
    with pytest.raises(keepgate.ShapeError, match="1D or 2D"):
        ours(torch.zeros(1, 3, 5))
    with pytest.raises(keepgate.ShapeError, match="expected"):
        ours(torch.zeros(3, 5), (wrong, wrong) if name == "LSTMCell" else wrong)


@pytest.mark.parametrize("name", [*LAYERS, "RNNCell", "LSTMCell", "GRUCell"])
def test_another_device_or_dtype_is_refused_with_both_names(name, as_users_run):
    layer = getattr(keepgate, name)(3, 4)
    batch = (2,) if name.endswith("Cell") else (5, 2)
    with pytest.raises(keepgate.ShapeError, match=r"float64.*float32"):
        layer(torch.randn(*batch, 3, dtype=torch.float64))
    h = (
        torch.zeros(*batch[1:], 2, 4, dtype=torch.float64)
        if name.endswith("Cell")
        else torch.zeros(1, 2, 4).double()
    )
    hx = (h, h) if name.startswith("LSTM") else h
    with pytest.raises(keepgate.ShapeError, match="state h is torch\\.float64"):
        layer(torch.randn(*batch, 3), hx)
    with pytest.raises(keepgate.ShapeError, match="is on cpu, but the weights are on meta"):
        layer.to("meta")(torch.randn(*batch, 3))


@pytest.mark.parametrize("name", LAYERS)
def test_weights_may_be_parametrized(name):
    layer = getattr(keepgate, name)(3, 4)
    x = torch.randn(5, 2, 3)
    expected = layer(x)[0]
    for weight in ("weight_ih_l0", "weight_hh_l0"):
        nn.utils.parametrizations.weight_norm(layer, weight)
    agrees(layer(x)[0], expected)
