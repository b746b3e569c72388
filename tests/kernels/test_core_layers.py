"""Whole layers by the C++ core: stacked, both directions, dropout between, as the reference and as torch.nn."""

import itertools
import statistics

import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.nn import Recurrent
from tests.kernels.calls import CORE, CORE_AND_DTYPES, DTYPES
from tests.oracles import agrees, by_kernel, flat, gradients, twins

LAYERS = ["RNN", "LSTM", "GRU"]
every_cell = pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def same(ours, theirs, call, inputs):
    """Outputs, states and every gradient; `call` runs the layer that it is given."""
    for mine, other in zip(flat(call(ours)), flat(call(theirs)), strict=True):
        agrees(mine, other)
    found = gradients(lambda: call(ours), [*inputs, *ours.parameters()])
    expected = gradients(lambda: call(theirs), [*inputs, *theirs.parameters()])
    for mine, other in zip(found, expected, strict=True):
        agrees(mine, other, "gradient")


def states(cell, places, rows, hidden, dtype):
    made = tuple(torch.randn(places, rows, hidden, dtype=dtype, requires_grad=True) for _ in cell.states)
    return made if len(made) > 1 else made[0]


@pytest.mark.parametrize(
    ("cell", "dtype"), CORE_AND_DTYPES, ids=lambda value: getattr(value, "name", str(value))
)
def test_stacks_of_every_cell_agree_with_the_reference(cell, dtype):
    for layers, bidirectional, bias, batch_first in itertools.product(
        (1, 3), (False, True), (True, False), (False, True)
    ):
        layer = Recurrent(
            cell, 5, 9, layers, bias=bias, bidirectional=bidirectional, batch_first=batch_first, dtype=dtype,
            kernel="cpu",
        )  # fmt: skip
        x = torch.randn(6, 4, 5, dtype=dtype, requires_grad=True)
        rows, steps = (6, 4) if batch_first else (4, 6)
        hx = states(cell, layers * layer.directions, rows, 9, dtype)
        lengths = torch.tensor([steps, 0, 1, 3, 2, 4][:rows])
        resets = torch.zeros(x.shape[:2], dtype=torch.bool)
        resets[1, 1] = resets[3, 2] = resets[0, 3] = True
        reference = by_kernel(layer, "reference")
        same(layer, reference, lambda one: one(x), [x])  # noqa: B023
        same(layer, reference, lambda one: one(x, hx, lengths=lengths, resets=resets), [x, *flat(hx)])  # noqa: B023


def squared_errors(layer, x, exact):
    """Of a float32 layer's outputs and gradients, each relative to the mean square of the exact ones; their sum."""
    found = [layer(x)[0].detach(), *gradients(lambda: layer(x), [x, *layer.parameters()])]
    return sum(
        float((mine.double() - true).square().sum() / true.square().mean())
        for mine, true in zip(found, exact, strict=True)
    )


@pytest.mark.parametrize(
    ("cell", "proj_size"), [(cells.layer_norm_lstm, 0), (cells.layer_norm_lstm, 1), (cells.layer_norm_gru, 0)]
)
def test_in_float32_a_normalised_cell_is_about_as_near_to_the_truth_as_the_reference(cell, proj_size):
    # Rounding grows with the steps in both, to numbers that are far from one another: what counts is how far they are
    # from those of float64. The core's functions round twice as much, in squares, in the median of these layers.
    ratios = []
    for seed, hidden in itertools.product(range(6), (9, 33, 64)):
        torch.manual_seed(seed)
        layer = Recurrent(cell, 5, hidden, proj_size=proj_size, kernel="reference")
        x = torch.randn(60, 4, 5, requires_grad=True)
        twin, y = by_kernel(layer, "reference").double(), x.detach().double().requires_grad_()
        exact = [twin(y)[0].detach(), *gradients(lambda: twin(y), [y, *twin.parameters()])]  # noqa: B023
        reference = squared_errors(layer, x, exact)
        ratios.append(squared_errors(by_kernel(layer, "cpu"), x, exact) / reference)
    assert statistics.median(ratios) < 4, ratios


@every_cell
def test_dropout_between_layers(cell):
    layer = Recurrent(cell, 5, 9, 3, dropout=0.4, bidirectional=True, dtype=torch.float64, kernel="cpu")
    x = torch.randn(7, 4, 5, dtype=torch.float64, requires_grad=True)

    def seeded(one):
        torch.manual_seed(5)
        return one(x, lengths=[7, 3, 0, 5])

    same(layer, by_kernel(layer, "reference"), seeded, [x])
    assert not torch.equal(layer(x)[0], layer(x)[0])
    without = layer.eval()(x)[0]
    layer.train()
    layer.dropout = 0.0
    assert torch.equal(layer(x)[0], without)
    # Everything dropped: the layers above see zeros, exactly.
    layer.dropout = 1.0
    zeros = Recurrent(cell, 18, 9, 1, bidirectional=True, dtype=torch.float64, kernel="cpu")
    with torch.no_grad():
        for name, weight in zeros.named_parameters():
            weight.copy_(getattr(layer, name.replace("_l0", "_l2")))
    output = zeros(x.new_zeros(7, 4, 18))[0]
    assert torch.equal(layer(x)[0], output)


@every_dtype
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    "sizes", [(130, 3, 17, 33), (40, 20, 8, 64), (12, 1, 1, 1), (25, 13, 40, 31), (40, 1, 64, 128)], ids=str
)
def test_torchs_layers_at_other_sizes(sizes, name, dtype):
    steps, rows, inputs, hidden = sizes
    theirs, ours = twins(name, inputs, hidden, dtype=dtype)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.mul_(2 * hidden**-0.5)
    ours.load_state_dict(theirs.state_dict())
    ours.kernel = "cpu"
    x = torch.randn(steps, rows, inputs, dtype=dtype, requires_grad=True)
    hx = states(ours.cell, 1, rows, hidden, dtype)
    same(ours, theirs, lambda one: one(x, hx), [x, *flat(hx)])


@pytest.mark.parametrize("bias", [True, False])
def test_torchs_projection(bias):
    theirs, ours = twins("LSTM", 5, 17, 2, bias=bias, proj_size=7, bidirectional=True)
    ours.kernel = "cpu"
    x = torch.randn(9, 5, 5, dtype=torch.float64, requires_grad=True)
    same(ours, theirs, lambda one: one(x), [x])
    alone = by_kernel(ours, "reference")
    lengths = [9, 4, 0, 1, 6]
    same(ours, alone, lambda one: one(x, lengths=lengths), [x])


@pytest.mark.parametrize("name", LAYERS)
def test_packed_sequences_and_unbatched_input(name):
    theirs, ours = twins(name, 5, 9, 2, bidirectional=True)
    ours.kernel = "cpu"
    x = torch.randn(6, 4, 5, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 1, 6, 4])

    def packed(one):
        return one(torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False))

    same(ours, theirs, packed, [x])
    same(ours, theirs, lambda one: one(x[:, 0]), [x])


@pytest.mark.parametrize("name", LAYERS)
def test_it_learns_what_torch_learns(name):
    # Twenty steps of an optimizer: packed weights that went stale would show in the second.
    theirs, ours = twins(name, 3, 9, 2)
    ours.kernel = "cpu"
    x, wanted = torch.randn(8, 6, 3, dtype=torch.float64), torch.randn(8, 6, 9, dtype=torch.float64)
    for layer in (ours, theirs):
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
        for _ in range(20):
            optimizer.zero_grad()
            (layer(x)[0] - wanted).square().mean().backward()
            optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-9)


def test_second_derivatives():
    layer = keepgate.LSTM(2, 3, dtype=torch.float64, kernel="cpu")
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: layer(x, lengths=[3, 1])[0], [x], fast_mode=True)
