"""Zoneout, recurrent dropout and weight drop against the papers' equations in numpy, with masks drawn here again."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import keepgate
from keepgate import _core, cells
from keepgate.cells.zoneout import with_masks
from keepgate.errors import KernelRefused, SettingsError
from keepgate.kernels.core.fast_path import CoreFastPath
from keepgate.nn import LockedDropout
from keepgate.nn.dropout import drop_tokens
from keepgate.nn.kernel_report import explain_kernels
from tests.kernels.user_cells import reads_memory
from tests.oracles import agrees

STEPS, ROWS, INPUT, UNITS = 6, 3, 4, 21


def philox(counter, key):
    """Philox4x32-10 of Salmon et al. (2011), one counter at a time."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def below(seed, stream, probability, steps, rows, units):
    """Where a random word is less than the probability: [steps, rows, units]."""
    key = seed & 0xFFFFFFFF, seed >> 32
    words = [
        [
            [philox((u // 64 * 16 + u % 16, r, t, stream), key)[u % 64 // 16] for u in range(units)]
            for r in range(rows)
        ]
        for t in range(steps)
    ]
    return np.array(words) < int(probability * 2**32)


def test_the_generator_is_the_papers():
    # Random123's known answers.
    assert philox((0,) * 4, (0,) * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = 0xFFFFFFFF
    assert philox((ones,) * 4, (ones,) * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


@pytest.mark.parametrize(("number", "dtype"), [(0, torch.float32), (1, torch.float64)])
def test_a_mask_is_the_generators(number, dtype):
    mask = torch.empty(2, 3, 131, dtype=dtype)
    _core.random_mask(
        number, (mask.data_ptr(), 3 * 131, 131), (2, 3, 131), 2, 0xFEDCBA9876543210, 9, 0.3, 2.0, -1.0, 0
    )
    assert np.array_equal(mask.numpy() == 2, below(0xFEDCBA9876543210, 9, 0.3, 2, 3, 131))
    assert set(mask.unique().tolist()) == {-1.0, 2.0}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def masked_run(layer, x, seed, kind):
    """Output and final states by the papers' equations, with `seed`'s masks."""
    w = {key: value.detach().numpy() for key, value in layer.named_parameters()}
    settings = layer.regularisation
    keep_h = below(seed, 0, settings.zoneout[0], STEPS, ROWS, UNITS)
    keep_c = below(seed, 1, settings.zoneout[1], STEPS, ROWS, UNITS)
    mask = ~below(seed, 2, settings.recurrent_dropout, 1, ROWS, UNITS)[0] / (1 - settings.recurrent_dropout)
    matrix = w["weight_hh_l0"]
    matrix = matrix * ~below(seed, 3, settings.weight_drop, 1, *matrix.shape)[0] / (1 - settings.weight_drop)
    h, c, outputs = np.zeros((ROWS, UNITS)), np.zeros((ROWS, UNITS)), []
    for t in range(STEPS):
        wx = x[t] @ w["weight_ih_l0"].T + w["bias_ih_l0"]
        uh = (h * mask) @ matrix.T + w["bias_hh_l0"]
        if kind == "lstm":
            i, f, g, o = np.split(wx + uh, 4, -1)
            new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            new_h = sigmoid(o) * np.tanh(new_c)
            c = np.where(keep_c[t], c, new_c)
        elif kind == "rnn":
            new_h = np.tanh(wx + uh)
        else:
            (x_r, x_z, x_n), (u_r, u_z, u_n) = np.split(wx, 3, -1), np.split(uh, 3, -1)
            z = sigmoid(x_z + u_z)
            new_h = (1 - z) * np.tanh(x_n + sigmoid(x_r + u_r) * u_n) + z * h
        h = np.where(keep_h[t], h, new_h)
        outputs.append(h)
    return np.stack(outputs), h, c


MASKED = [
    {"zoneout": (0.2, 0.5)},
    {"zoneout": (0.3, 0.0)},
    {"recurrent_dropout": 0.4},
    {"weight_drop": 0.5},
    {"zoneout": (0.1, 0.3), "recurrent_dropout": 0.25, "weight_drop": 0.2},
]


def of_one_state(options):
    return options | {"zoneout": (options.get("zoneout", (0.0, 0.0))[0], 0.0)}


@pytest.mark.parametrize("kernel", ["cpu", "reference"])
@pytest.mark.parametrize("options", MASKED, ids=str)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_training_is_by_the_papers_equations(kind, options, kernel):
    if kind != "lstm":
        options = of_one_state(options)
    torch.manual_seed(5)
    layer = getattr(keepgate, kind.upper())(INPUT, UNITS, dtype=torch.float64, kernel=kernel, **options)
    x = torch.randn(STEPS, ROWS, INPUT, dtype=torch.float64)
    if layer.regularisation is None:
        pytest.fail("nothing is masked")
    torch.manual_seed(11)
    seed = int(torch.randint(2**63 - 1, ()))
    expected, h, c = masked_run(layer, x.numpy(), seed, kind)
    torch.manual_seed(11)
    output, final = layer(x)
    agrees(output.detach(), torch.from_numpy(expected))
    h_n, c_n = final if kind == "lstm" else (final, None)
    agrees(h_n[0].detach(), torch.from_numpy(h))
    if c_n is not None:
        agrees(c_n[0].detach(), torch.from_numpy(c))


@pytest.mark.parametrize("options", MASKED, ids=str)
@pytest.mark.parametrize("kind", [keepgate.LSTM, keepgate.GRU])
def test_the_core_agrees_with_the_reference_and_its_gradients(kind, options):
    options = options if kind is keepgate.LSTM else of_one_state(options)
    kernels = []
    for kernel in ("cpu", "reference"):
        torch.manual_seed(1)
        layer = kind(5, 19, 2, bidirectional=True, dtype=torch.float64, kernel=kernel, **options)
        x = torch.randn(9, 4, 5, dtype=torch.float64, requires_grad=True)
        hx = torch.randn(4, 4, 19, dtype=torch.float64, requires_grad=True)
        states = hx if kind is keepgate.GRU else (hx, hx.cos())
        torch.manual_seed(7)
        output, _ = layer(x, states, lengths=[9, 3, 1, 6], resets=torch.rand(9, 4) < 0.2)
        kernels.append([output, *torch.autograd.grad(output.sin().sum(), [x, hx, *layer.parameters()])])
    for core, reference in zip(*kernels, strict=True):
        agrees(core, reference)


def test_gradients_are_those_of_finite_differences():
    layer = keepgate.LSTM(
        2, 3, dtype=torch.float64, zoneout=(0.2, 0.4), recurrent_dropout=0.3, weight_drop=0.2
    )

    def run(x):
        torch.manual_seed(3)
        return layer(x)[0]

    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(run, x)
    assert torch.autograd.gradgradcheck(run, x)


def test_torchs_transforms_draw_the_same_masks():
    layer = keepgate.LSTM(
        2, 3, dtype=torch.float64, zoneout=(0.2, 0.4), recurrent_dropout=0.3, weight_drop=0.2
    )
    weights, x = dict(layer.named_parameters()), torch.randn(4, 5, 2, 2, dtype=torch.float64)

    def seeded(function, *args):
        torch.manual_seed(3)
        return function(*args)

    def loss(weights, x):
        return torch.func.functional_call(layer, weights, (x,))[0].sin().sum()

    expected = torch.autograd.grad(seeded(loss, weights, x[0]), [*weights.values()])
    for mine, other in zip(seeded(torch.func.grad(loss), weights, x[0]).values(), expected, strict=True):
        agrees(mine, other)
    one_for_all = seeded(torch.func.vmap(lambda x: layer(x)[0], randomness="same"), x)
    for row, output in zip(x, one_for_all, strict=True):
        agrees(output, seeded(layer, row)[0])
    same_input = x[:1].expand(4, -1, -1, -1)
    own = seeded(torch.func.vmap(lambda x: layer(x)[0], randomness="different"), same_input)
    assert len({tuple(output.flatten().tolist()) for output in own}) == 4
    with torch.device("meta"):
        agrees(seeded(layer, x[0])[0], one_for_all[0])


@pytest.mark.parametrize("kernel", ["cpu", "reference"])
def test_dropout_is_of_the_state_that_the_recurrent_weights_read(kernel):
    layer = keepgate.Recurrent(reads_memory, 3, 5, recurrent_dropout=1 - 1e-9, kernel=kernel)
    without = keepgate.Recurrent(reads_memory, 3, 5)
    without.load_state_dict(layer.state_dict())
    with torch.no_grad():
        without.weight_hh_l0.zero_()
    x, states = torch.randn(4, 2, 3), (torch.randn(1, 2, 5), torch.randn(1, 2, 5))
    agrees(layer(x, states)[0], without(x, states)[0])
    half = keepgate.Recurrent(reads_memory, 3, 5, recurrent_dropout=0.5, kernel=kernel, dtype=torch.float64)
    torch.manual_seed(0)
    trace = half.trace(x.double(), tuple(state.double() for state in states))
    kept = trace.layer(0).dropped_output != 0
    agrees(trace.layer(0).dropped_output[kept], 2 * trace.layer(0).c[kept])


def test_evaluation_takes_the_means_and_nothing_random():
    torch.manual_seed(0)
    layer = keepgate.LSTM(
        3, 5, dtype=torch.float64, zoneout=(0.25, 0.5), recurrent_dropout=0.3, weight_drop=0.2
    )
    x = torch.randn(1, 2, 3, dtype=torch.float64)
    states = tuple(torch.randn(2, 1, 2, 5, dtype=torch.float64))
    plain = keepgate.LSTM(3, 5, dtype=torch.float64)
    plain.load_state_dict(layer.state_dict())
    _, (h, c) = plain(x, states)
    before = torch.get_rng_state()
    _, (h_n, c_n) = layer.eval()(x, states)
    assert torch.equal(before, torch.get_rng_state())
    agrees(h_n, 0.25 * states[0] + 0.75 * h)
    agrees(c_n, 0.5 * states[1] + 0.5 * c)
    stepper = layer.stepper(2)
    stepper.reset(states)
    agrees(stepper.step(x[0]), h_n[0].detach())


def test_the_same_seed_gives_the_same_masks_whatever_the_batch_and_the_threads():
    layer = keepgate.GRU(3, 40, zoneout=(0.3, 0.0), recurrent_dropout=0.2, weight_drop=0.3)
    x = torch.randn(12, 16, 3)
    outputs, threads = [], torch.get_num_threads()
    try:
        for rows, count in ((16, threads), (16, 1), (16, 2), (5, 1)):
            torch.set_num_threads(count)
            torch.manual_seed(9)
            outputs.append(layer(x[:, :rows])[0][:, :5])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(output, outputs[0]) for output in outputs)
    torch.manual_seed(10)
    assert not torch.equal(layer(x)[0][:, :5], outputs[0])


@pytest.mark.parametrize("kernel", ["cpu", "reference"])
@pytest.mark.parametrize("options", MASKED, ids=str)
def test_two_halves_of_a_batch_have_the_masks_of_the_whole(options, kernel):
    layer = keepgate.LSTM(3, 20, 2, bidirectional=True, dtype=torch.float64, kernel=kernel, **options)
    x, outputs = torch.randn(7, 16, 3, dtype=torch.float64), []
    for rows, layer.first_row in ((slice(16), 0), (slice(8), 0), (slice(8, 16), 8)):
        torch.manual_seed(9)
        outputs.append(layer(x[:, rows])[0])
    agrees(torch.cat(outputs[1:], 1), outputs[0])
    layer.first_row = -1
    with pytest.raises(SettingsError, match="first_row is -1"):
        layer(x)


@pytest.mark.parametrize("kernel", ["cpu", "reference"])
@pytest.mark.parametrize("kind", [keepgate.LSTM, keepgate.GRU])
@pytest.mark.parametrize("options", [MASKED[-1], {"dropout": 0.5}], ids=str)
def test_masks_are_the_callers_rows_however_these_are_handed_over(kind, kernel, options):
    options = options if kind is keepgate.LSTM else of_one_state(options)
    layer = kind(3, 20, 2, bidirectional=True, dtype=torch.float64, kernel=kernel, **options)
    x, lengths = torch.randn(7, 4, 3, dtype=torch.float64), [2, 7, 1, 5]
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)

    def run(call, *args, **kwargs):
        torch.manual_seed(9)
        output, final = call(*args, **kwargs)[:2]
        output = pad_packed_sequence(output)[0] if isinstance(output, PackedSequence) else output
        return [output, *(final if isinstance(final, tuple) else [final])]

    def trace(packed):
        trace = layer.trace(packed)
        return trace.output, trace.final

    expected = run(layer, x, lengths=lengths)
    runs = [run(layer, packed), run(trace, packed)]
    with layer.gates.register_forward_hook(lambda *_: None):
        runs.append(run(layer, packed))
    for each in runs:
        for mine, other in zip(each, expected, strict=True):
            agrees(mine, other)


def test_threads_share_a_large_mask():
    masks = [torch.empty(300, 9, 131) for _ in range(2)]
    for mask, threads in zip(masks, (1, 3), strict=True):
        numbers = mask.data_ptr(), *mask.stride()[:2]
        _core.random_mask(0, numbers, mask.shape, threads, 5, 9, 0.3, 2.0, -1.0, 0)
    assert torch.equal(*masks)
    assert abs((masks[0] == 2).double().mean() - 0.3) < 0.01


FAST = [{"zoneout": (0.1, 0.5)}, {"recurrent_dropout": 0.3}, {"weight_drop": 0.5}, MASKED[-1]]


@pytest.fixture
def fast(monkeypatch):
    """A list of each result of the fast path with masks."""
    results, masked = [], CoreFastPath.masked
    monkeypatch.setattr(CoreFastPath, "masked", lambda *args: results.append(masked(*args)) or results[-1])
    return results


@pytest.mark.parametrize("wants_x", [False, True])
@pytest.mark.parametrize("kind", FAST, ids=str)
def test_the_fast_path_draws_the_masks_of_the_general_one(kind, wants_x, fast):
    layer, runs = keepgate.LSTM(5, 21, batch_first=True, **kind), []
    x = torch.randn(4, 7, 5, requires_grad=wants_x)
    for lengths in (None, [7] * 4):
        torch.manual_seed(3)
        output, states = layer(x, lengths=lengths)
        loss = output.square().sum() + sum(state.sum() for state in states)
        runs.append([output, *states, *torch.autograd.grad(loss, [*layer.parameters(), *[x] * wants_x])])
        torch.manual_seed(3)
        with torch.no_grad():
            runs[-1].append(layer(x, lengths=lengths)[0])
    assert all(torch.equal(fast, general) for fast, general in zip(*runs, strict=True))
    assert [result is None for result in fast] == [False, False]


@pytest.mark.parametrize("kind", FAST, ids=str)
def test_masks_are_saved_as_torch_saves_tensors(kind, fast):
    """So that they are freed by the backward pass, and a hook can move them."""
    layer, x, gradients, packed = keepgate.LSTM(5, 21, **kind), torch.randn(7, 4, 5), [], []
    for pack in (lambda tensor: tensor, lambda tensor: packed.append(tensor.clone()) or packed[-1]):
        torch.manual_seed(3)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            output = layer(x)[0]
        node = output.grad_fn
        gradients.append(torch.autograd.grad(output.square().sum(), [*layer.parameters()]))
        held = [*vars(node).values()]
        assert not [value for value in held if isinstance(value, torch.Tensor)]
        assert not any(torch.is_tensor(part) for value in held if isinstance(value, tuple) for part in value)
    for kept, moved in zip(*gradients, strict=True):
        agrees(moved, kept)
    masks = len(layer.regularisation.trained.unit_inputs) + 2 * bool(layer.regularisation.weight_drop)
    assert len(packed) == 4 + len([*layer.parameters()]) + masks


@pytest.mark.parametrize("kind", FAST, ids=str)
def test_the_fast_paths_second_derivatives_are_those_of_the_general_one(kind, fast):
    layer, runs = keepgate.LSTM(3, 9, dtype=torch.float64, **kind), []
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    wanted = [x, *layer.parameters()]
    for lengths in (None, [5] * 2):
        torch.manual_seed(3)
        gradients = torch.autograd.grad(layer(x, lengths=lengths)[0].sin().sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum(gradient.sin().sum() for gradient in gradients), wanted)
        runs.append([*gradients, *second])
    for mine, other in zip(*runs, strict=True):
        agrees(mine, other)
    assert [result is None for result in fast] == [False]


def test_the_core_takes_it_and_a_trace_shows_it():
    layer = keepgate.LSTM(3, 8, zoneout=(0.9, 0.9), recurrent_dropout=0.5)
    x = torch.randn(5, 2, 3)
    assert [part.kernel for part in explain_kernels(layer, x).parts] == ["cpu"]
    trace = layer.trace(x)
    assert len(trace.final) == 2
    part = trace.layer(0)
    kept = part.h == part.state_before("h")
    assert 0.7 < kept.float().mean() < 1
    assert {"h", "c", "i", "f", "dropped_output"} <= set(part.names)


def test_copies_and_pickled_layers_go_on_alike():
    layer = keepgate.LSTM(3, 8, zoneout=(0.5, 0.5), recurrent_dropout=0.5, layer_norm=True)
    x, outputs = torch.randn(5, 2, 3), []
    for each in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.manual_seed(0)
        outputs.append(each(x)[0])
    assert all(torch.equal(output, outputs[0]) for output in outputs)
    assert "zoneout=(0.5, 0.5), recurrent_dropout=0.5" in repr(layer)


def test_options_choose_the_cell():
    assert keepgate.LSTM(3, 4, layer_norm=True).cell.name == "layer_norm_lstm"
    assert keepgate.GRU(3, 4, layer_norm=True).cell.name == "layer_norm_gru"
    assert keepgate.LSTM(3, 4, coupled=True).cell.name == "coupled_lstm"
    assert not any("bias" in name for name, _ in keepgate.LSTM(3, 4, layer_norm=True).named_parameters())
    assert repr(keepgate.LSTM(3, 4, layer_norm=True)) == "LSTM(3, 4, layer_norm=True)"
    assert repr(keepgate.LSTM(3, 4, coupled=True, bias=False)) == "LSTM(3, 4, bias=False, coupled=True)"


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: keepgate.LSTM(3, 4, zoneout=(0.1,)), "two probabilities"),
        (lambda: keepgate.LSTM(3, 4, zoneout=(0.1, 1.0)), "from 0 to below 1"),
        (lambda: keepgate.GRU(3, 4, zoneout=(0.1, 0.1)), r"give \(0.1, 0\)"),
        (lambda: keepgate.LSTM(3, 4, recurrent_dropout=-0.1), "recurrent_dropout is -0.1"),
        (lambda: keepgate.LSTM(3, 4, weight_drop=2.0), "weight_drop is 2.0"),
        (lambda: keepgate.LSTM(3, 4, proj_size=2, recurrent_dropout=0.1), "before the projection"),
        (lambda: keepgate.Recurrent("mingru", 3, 4, weight_drop=0.1), "no recurrent weights"),
        (lambda: keepgate.Recurrent("gru_reset_before", 3, 4, recurrent_dropout=0.1), "inside its step"),
        (lambda: keepgate.LSTM(3, 4, layer_norm=True, coupled=True), "choose one"),
        (lambda: keepgate.LSTM(3, 4, layer_norm=True, bias=False), "shifts b_.*leave bias out"),
        (lambda: keepgate.GRU(3, 4, layer_norm=True, bias=False), "shifts b_.*leave bias out"),
        (lambda: keepgate.GRU(3, 4, coupled=True), "keeps z and writes 1 - z"),
        (lambda: keepgate.RNN(3, 4, coupled=True), "no gates"),
        (lambda: keepgate.RNN(3, 4, layer_norm=True), "take LSTM or GRU"),
        (lambda: keepgate.Recurrent(reads_memory, 3, 4, proj_size=2), "weights of reads_memory read c"),
        (lambda: keepgate.Recurrent(with_masks(cells.lstm, True, False, False), 3, 4), "inputs keep_output"),
    ],
)
def test_what_makes_no_sense_is_refused(make, match):
    with pytest.raises(SettingsError, match=match):
        make()


def test_what_torch_could_not_do_again_is_refused(monkeypatch):
    layer = keepgate.LSTM(3, 4, weight_drop=0.5)
    with pytest.raises(SettingsError, match=r"torch\.nn has no zoneout"):
        layer.to_torch()
    monkeypatch.setattr("keepgate.nn.regularisation.jit_tracing_active", lambda: True)
    with pytest.raises(KernelRefused, match="masks of one call"):
        layer(torch.randn(2, 1, 3))


def test_locked_dropout_has_one_mask_for_all_steps() -> None:
    torch.manual_seed(0)
    ones = torch.ones(STEPS, 40, 50)
    dropped = LockedDropout(0.25)(ones)
    assert torch.equal(dropped, dropped[:1].expand_as(dropped)), "the same at every step"
    assert (dropped == 0).float().mean() == pytest.approx(0.25, abs=0.05)
    assert dropped.mean() == pytest.approx(1.0, abs=0.05)
    assert not torch.equal(dropped[0, 0], dropped[0, 1]), "another for each row"
    assert LockedDropout(0.25).eval()(ones) is ones


def test_embedding_dropout_leaves_tokens_out_whole() -> None:
    torch.manual_seed(0)
    dropped = drop_tokens(torch.ones(2000, 3), 0.25)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped)), "a token's numbers all, or none"
    assert (dropped[:, 0] == 0).float().mean() == pytest.approx(0.25, abs=0.05)
    assert dropped.mean() == pytest.approx(1.0, abs=0.05)
