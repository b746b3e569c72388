"""A user's own torch model is watched as it runs: every gate is that of a step-by-step computation."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import keepgate
from keepgate import CellError, SettingsError
from keepgate.lens import attach
from keepgate.lens.capture.layer_run import as_tuple
from keepgate.lens.memory.additive import memory_updates
from tests.oracles import agrees

STEPS, ROWS, INPUTS, UNITS = 7, 3, 5, 6

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


def by_hand(module, place, x, h, c, length):
    """One row of one layer and direction, step by step, with the letters of torch's documentation."""
    layer, way = divmod(place, 2 if module.bidirectional else 1)
    end = f"_l{layer}{'_reverse' if way else ''}"
    weight = {
        name.removesuffix(end): value for name, value in module.named_parameters() if name.endswith(end)
    }
    seen = {}
    for t in reversed(range(length)) if way else range(length):
        wx = weight["weight_ih"] @ x[t] + weight.get("bias_ih", 0)
        uh = weight["weight_hh"] @ h + weight.get("bias_hh", 0)
        if isinstance(module, nn.LSTM):
            i, f, g, o = (wx + uh).chunk(4)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            if module.proj_size:
                h = weight["weight_hr"] @ h
            seen[t] = {"h": h, "c": c, "i": i, "f": f, "g": g, "o": o}
        elif isinstance(module, nn.GRU):
            r, z, n = wx.chunk(3)
            r_h, z_h, n_h = uh.chunk(3)
            r, z = (r + r_h).sigmoid(), (z + z_h).sigmoid()
            n = (n + r * n_h).tanh()
            h = (1 - z) * n + z * h
            seen[t] = {"h": h, "r": r, "z": z, "n": n}
        else:
            h = (wx + uh).tanh() if module.nonlinearity == "tanh" else (wx + uh).relu()
            seen[t] = {"h": h}
    return seen


def check(module, seen, x, lengths, hx):
    """Every layer, direction and row, within 1e-6 in float32."""
    ways = 2 if module.bidirectional else 1
    output = getattr(module, "proj_size", 0) or UNITS
    for row, length in enumerate(lengths):
        read = [x[t, row] for t in range(length)]
        for place in range(module.num_layers * ways):
            if place % ways == 0 and place:
                parts = seen.trace.layers[place - ways : place]
                read = [torch.cat([part["h"][t, row] for part in parts]) for t in range(length)]
            h = torch.zeros(output) if hx is None else hx[0][place, row]
            c = torch.zeros(UNITS) if hx is None else hx[-1][place, row]
            expected = by_hand(module, place, read, h, c, length)
            part = seen.trace.layers[place]
            for t, values in expected.items():
                for name, value in values.items():
                    agrees(part[name][t, row], value.detach())
            for name in part.names:
                assert not part[name][length:, row].any(), "padding is zero"


KINDS = [
    ("LSTM", {}),
    ("LSTM", {"proj_size": 2}),
    ("GRU", {}),
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
]
FORMS = ["padded", "states", "packed", "packed in order", "unbatched"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "options"), KINDS, ids=["LSTM", "projected", "GRU", "RNN", "relu"])
def test_every_gate_is_that_of_a_step_by_step_computation(name, options, form):
    for layers, both, first in itertools.product((1, 2, 3), (False, True), (False, True)):
        module = getattr(nn, name)(INPUTS, UNITS, layers, bidirectional=both, batch_first=first, **options)
        x, lengths, hx = torch.randn(STEPS, ROWS, INPUTS), [STEPS] * ROWS, None
        given = x.transpose(0, 1) if first else x
        arguments = ()
        if form == "states":
            places = layers * (2 if both else 1)
            h = torch.randn(places, ROWS, options.get("proj_size", UNITS))
            hx = (h, torch.randn(places, ROWS, UNITS)) if name == "LSTM" else (h,)
            arguments = (hx if name == "LSTM" else h,)
        elif form == "packed":
            lengths = [4, 7, 2]
            given = pack_padded_sequence(given, lengths, batch_first=first, enforce_sorted=False)
        elif form == "packed in order":
            lengths = [7, 5, 2]
            given = pack_padded_sequence(given, lengths, batch_first=first)
        elif form == "unbatched":
            x, lengths = x[:, :1], [STEPS]
            given = x[:, 0]
        with attach(module) as seen:
            output, final = module(given, *arguments)
        check(module, seen[name], x, lengths, hx)
        states = final if isinstance(final, tuple) else (final,)
        for ours, theirs in zip(seen[name].final, states, strict=True):
            torch.testing.assert_close(ours, theirs.detach().reshape(ours.shape), rtol=0, atol=0)
        shown = output.data if form.startswith("packed") else output
        assert seen[name].trace.output.abs().sum().item() == pytest.approx(shown.abs().sum().item(), rel=1e-5)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_without_a_bias_and_in_float64(name):
    module = getattr(nn, name)(INPUTS, UNITS, 2, bias=False, dtype=torch.float64)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    with attach(module) as seen:
        module(x)
    layer = getattr(keepgate, name)(INPUTS, UNITS, 2, bias=False, dtype=torch.float64)
    layer.load_state_dict(module.state_dict())
    for ours, theirs in zip(seen[name].trace.layers, layer.trace(x).layers, strict=True):
        for gate in theirs.names:
            agrees(ours[gate], theirs[gate].detach())


class Tagger(nn.Module):
    """A model as a user writes it."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, INPUTS)
        self.encoder = nn.ModuleDict({"lstm": nn.LSTM(INPUTS, UNITS, 2, batch_first=True, dropout=dropout)})
        self.decoder = nn.GRU(UNITS, UNITS, batch_first=True)
        self.head = nn.Linear(UNITS, 2)

    def forward(self, ids):
        states, _ = self.encoder["lstm"](self.embedding(ids))
        once, _ = self.decoder(states)
        again, _ = self.decoder(input=once)
        return self.head(again[:, -1])


def test_a_model_runs_as_it_is_and_is_left_as_it_was():
    model = Tagger()
    ids = torch.randint(0, 11, (ROWS, STEPS))
    plain = model(ids)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    hooks = {name: len(module._forward_hooks) for name, module in model.named_modules()}
    with attach(model) as seen:
        watched = model(ids)
    assert torch.equal(plain, watched)
    assert watched.requires_grad
    assert model.training
    assert {name: len(module._forward_hooks) for name, module in model.named_modules()} == hooks
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert list(seen) == ["encoder.lstm", "decoder"]
    assert len(seen.runs("decoder")) == 2
    first, second = seen.runs("decoder")
    torch.testing.assert_close(second.x, first.trace.output)
    assert seen["decoder"] is second
    assert seen.module("decoder") is model.decoder
    model(ids)
    assert len(seen.runs("decoder")) == 2, "nothing is watched any more"
    assert not any(
        v.requires_grad for run in seen.values() for part in run.trace.layers for v in part.values()
    )
    seen.clear()
    assert (list(seen), seen.names) == ([], ("encoder.lstm", "decoder"))
    with pytest.raises(KeyError, match="has not run"):
        seen["decoder"]
    with pytest.raises(KeyError, match=r"'decoder', 'encoder\.lstm'"):
        seen["decodr"]
    assert "0 run(s)" in repr(seen)


def test_the_measures_work_on_what_was_seen():
    model = Tagger()
    with attach(model) as seen:
        model(torch.randint(0, 11, (ROWS, STEPS)))
    part = seen["encoder.lstm"].trace.layer(1)
    assert memory_updates(part).keep is part["f"]
    for state, value in part.rebuild().items():
        agrees(value, part[state])


def test_the_weights_are_shared_and_new_ones_are_seen():
    model = nn.GRU(INPUTS, UNITS)
    with attach(model) as seen:
        model(torch.randn(STEPS, ROWS, INPUTS))
        assert seen["GRU"].layer.weight_ih_l0.data_ptr() == model.weight_ih_l0.data_ptr()
        with torch.no_grad():
            model.weight_hh_l0.mul_(2)
        x = torch.randn(STEPS, ROWS, INPUTS)
        model(x)
    check(model, seen["GRU"], x, [STEPS] * ROWS, None)


def test_dropout_between_layers_is_refused_while_training_and_ignored_after():
    model = Tagger(dropout=0.5)
    ids = torch.randint(0, 11, (ROWS, STEPS))
    with attach(model) as seen, pytest.raises(SettingsError, match=r"model\.eval\(\)"):
        model(ids)
    model.eval()
    with attach(model) as seen:
        model(ids)
    check(model.encoder["lstm"], seen["encoder.lstm"], seen["encoder.lstm"].x, [STEPS] * ROWS, None)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_layers_of_ours_are_seen_the_same_way(name):
    layer = getattr(keepgate, name)(INPUTS, UNITS, 2, batch_first=True, bidirectional=True)
    x = torch.randn(ROWS, STEPS, INPUTS)
    resets = torch.zeros(ROWS, STEPS, dtype=torch.bool)
    resets[1, 3] = True
    packed = pack_padded_sequence(x, [4, 7, 2], batch_first=True, enforce_sorted=False)
    with attach(nn.Sequential(layer), keep="all") as seen:
        layer(x, lengths=[7, 2, 5], resets=resets)
        layer(packed)
        layer(x[0])
    expected = (
        layer.trace(x, lengths=[7, 2, 5], resets=resets), layer.trace(x, lengths=[4, 7, 2]), layer.trace(x[0]),
    )  # fmt: skip
    for run, trace in zip(seen.runs("0"), expected, strict=True):
        for ours, theirs in zip(run.trace.layers, trace.layers, strict=True):
            for gate in theirs.names:
                torch.testing.assert_close(ours[gate], theirs[gate].detach())


def test_a_training_loop_keeps_no_more_than_its_last_call():
    model = Tagger()
    with attach(model) as seen:
        for steps in (3, 4, 5):
            model(torch.randint(0, 11, (ROWS, steps))).sum().backward()
            assert [len(run.x) for run in seen.runs("decoder")] == [steps, steps]
        with pytest.raises(IndexError):
            model(torch.full((1, 2), 99))
        assert list(seen) == [], "the call that failed had no run"
        # A layer that is called by itself is no part of a call of the model's.
        for steps in (6, 7):
            model.decoder(torch.randn(ROWS, steps, UNITS))
        assert [len(run.x) for run in seen.runs("decoder")] == [7]
        model(torch.randint(0, 11, (ROWS, 4)))
        assert [len(run.x) for run in seen.runs("decoder")] == [4, 4]
    assert not model._forward_pre_hooks


def test_every_run_is_kept_where_that_is_asked_for(as_users_run):
    model = nn.LSTM(INPUTS, UNITS)
    for keep, kept in (("call", [5]), ("all", [3, 4, 5])):
        with attach(model, keep=keep) as seen:
            for steps in (3, 4, 5):
                model(torch.randn(steps, ROWS, INPUTS))
        assert [len(run.x) for run in seen.runs("LSTM")] == kept
    with pytest.raises(SettingsError, match='"all" every run'):
        attach(model, keep="last")


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_trace_of_packed_rows_is_in_the_callers_order_as_what_is_attached_is(name):
    x, lengths = torch.randn(STEPS, ROWS, INPUTS), [4, 7, 2]
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    layer = getattr(keepgate, name)(INPUTS, UNITS, 2, bidirectional=True)
    with attach(layer) as seen:
        output, final = layer(packed)
    padded, given = nn.utils.rnn.pad_packed_sequence(output)
    trace = layer.trace(packed)
    assert trace.lengths.tolist() == given.tolist() == lengths
    torch.testing.assert_close(trace.output, padded)
    for ours, theirs in zip(as_tuple(trace.final), as_tuple(final), strict=True):
        torch.testing.assert_close(ours, theirs)
    for one, other, alone in zip(
        trace.layers, seen[name].trace.layers, layer.trace(x, lengths=lengths).layers, strict=True
    ):
        for gate in one.names:
            torch.testing.assert_close(one[gate].detach(), other[gate])
            torch.testing.assert_close(one[gate], alone[gate])
        for state, value in one.rebuild().items() if name != "RNN" else ():
            torch.testing.assert_close(value, one[state])
    (grown,) = torch.autograd.grad(
        trace.layer(0)[trace.layer(0).cell.states[0]][:, 2].sum(), layer.weight_ih_l0
    )
    assert grown.any(), "it is differentiable"


def test_a_model_without_a_recurrent_layer_is_refused():
    with pytest.raises(SettingsError, match="has no recurrent layer inside"):
        attach(nn.Linear(2, 3))
    with pytest.raises(SettingsError, match="Linear is no recurrent layer"):
        keepgate.lens.capture_layer(nn.Linear(2, 3), torch.randn(4, 1, 2))


def test_a_plain_rnn_is_seen_but_has_no_writes():
    module = nn.RNN(INPUTS, UNITS)
    with attach(module) as seen:
        module(torch.randn(STEPS, ROWS, INPUTS))
    with pytest.raises(CellError, match="gradient"):
        memory_updates(seen["RNN"].trace.layer(0))


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_a_layer_under_autocast_is_recovered_in_its_weights_own_numbers():
    module = nn.LSTM(INPUTS, UNITS, 2)
    # Without oneDNN, whose LSTM in bfloat16 not every processor can run.
    without_onednn = torch.backends.mkldnn.flags(enabled=False)
    with attach(module) as seen, without_onednn, torch.autocast("cpu", dtype=torch.bfloat16):
        module(torch.randn(STEPS, ROWS, INPUTS))
    part = seen["LSTM"].trace.layer(-1)
    assert part["f"].dtype == torch.float32
    torch.testing.assert_close(part["o"] * part["c"].tanh(), part["h"], rtol=0, atol=2e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_few_bits_are_recovered_in_few_bits(dtype):
    module = nn.GRU(INPUTS, UNITS, 2, bidirectional=True).to(dtype)
    x = torch.randn(STEPS, ROWS, INPUTS)
    with torch.inference_mode(), attach(module) as seen:
        module(x.to(dtype))
    exact = seen["GRU"].layer.float().trace(x)
    for ours, theirs in zip(seen["GRU"].trace.layers, exact.layers, strict=True):
        for name in ours.names:
            assert ours[name].dtype == dtype
            torch.testing.assert_close(ours[name].float(), theirs[name], rtol=0, atol=0.05)


def test_weights_that_are_parametrised_are_seen_as_they_are():
    module = nn.utils.parametrizations.weight_norm(nn.LSTM(INPUTS, UNITS), "weight_hh_l0")
    layer = keepgate.LSTM(INPUTS, UNITS)
    layer.load_state_dict({name: getattr(module, name) for name in layer.state_dict()})
    x = torch.randn(STEPS, ROWS, INPUTS)
    with attach(nn.ModuleDict({"lstm": module})) as seen:
        module(x)
    torch.testing.assert_close(seen["lstm"].trace.layer(0)["f"], layer.trace(x).layer(0)["f"].detach())


def test_a_compiled_model_is_seen_too():
    model = nn.Sequential(nn.GRU(INPUTS, UNITS, 2))
    x = torch.randn(STEPS, ROWS, INPUTS)
    compiled = torch.compile(model, backend="eager")
    with attach(compiled) as seen:
        compiled(x)
    (run,) = seen.values()
    check(model[0], run, x, [STEPS] * ROWS, None)


def test_rows_that_are_none_and_layers_that_show_no_states():
    module = nn.GRU(INPUTS, UNITS, 2)
    with attach(module) as seen:
        module(torch.randn(STEPS, 0, INPUTS))
    assert seen["GRU"].trace.layer(1)["z"].shape == (STEPS, 0, UNITS)

    class Alone(nn.LSTM):
        def forward(self, input):
            return super().forward(input)[0]

    with (
        attach(Alone(INPUTS, UNITS)) as seen,
        pytest.raises(SettingsError, match="its output and its states"),
    ):
        seen.module("Alone")(torch.randn(STEPS, ROWS, INPUTS))
