"""A row of a ragged batch gets what it gets alone; what lies beyond its end is zero and has no gradient."""

import pytest
import torch
from torch import nn

import keepgate
from tests.oracles import agrees, alone, flat, gradients, twins
from tests.shapes import RAGGED

LAYERS = ["RNN", "LSTM", "GRU"]


def random_hx(name, places, rows, hidden=7):
    h = torch.randn(places, rows, hidden, dtype=torch.float64)
    return (h, torch.randn_like(h)) if name == "LSTM" else h


@pytest.mark.parametrize("kernel", [None, "reference"])
@pytest.mark.parametrize(("steps", "lengths"), RAGGED)
@pytest.mark.parametrize("name", LAYERS)
def test_each_row_is_as_if_alone_in_torch(name, steps, lengths, kernel):
    theirs, ours = twins(name, 5, 7, 2, bidirectional=True)
    ours.kernel = kernel
    x = torch.randn(steps, len(lengths), 5, dtype=torch.float64)
    hx = random_hx(name, 4, len(lengths))
    output, *states = flat(ours(x, hx, lengths=torch.tensor(lengths)))
    for row, length in enumerate(lengths):
        assert torch.equal(output[length:, row], torch.zeros_like(output[length:, row]))
        if length == 0:
            expected = [h[:, row] for h in flat(hx)]
        else:
            expected_output, *final = alone(theirs, x, lengths, row, hx)
            agrees(output[:length, row], expected_output[:, 0])
            expected = [h[:, 0] for h in final]
        for mine, other in zip(states, expected, strict=True):
            agrees(mine[:, row], other)


@pytest.mark.parametrize("kernel", [None, "reference"])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_the_rows_alone(name, kernel):
    lengths = [4, 1, 0, 6]
    theirs, ours = twins(name, 5, 7, 2, bidirectional=True)
    ours.kernel = kernel
    x = torch.randn(6, 4, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(6, 4, 14, dtype=torch.float64)

    def ragged():
        return (ours(x, lengths=torch.tensor(lengths))[0] * weight).sum()

    def rows_alone():
        rows = [
            (theirs(x[:n, b : b + 1])[0] * weight[:n, b : b + 1]).sum() for b, n in enumerate(lengths) if n
        ]
        return torch.stack(rows).sum()

    found = gradients(ragged, [x, *ours.parameters()])
    expected = gradients(rows_alone, [x, *theirs.parameters()])
    for mine, other in zip(found, expected, strict=True):
        agrees(mine, other, "gradient")
    for row, length in enumerate(lengths):
        assert torch.equal(found[0][length:, row], torch.zeros_like(found[0][length:, row]))


@pytest.mark.parametrize("name", LAYERS)
def test_what_lies_beyond_a_length_is_never_read(name):
    layer = getattr(keepgate, name)(5, 7, 2, bidirectional=True)
    x = torch.randn(6, 3, 5)
    lengths = torch.tensor([6, 2, 4])
    for kernel in ("cpu", "builtin", "reference"):
        layer.kernel = kernel
        expected = flat(layer(x, lengths=lengths))
        poisoned = x.clone()
        poisoned[2:, 1], poisoned[4:, 2] = 1e30, float("nan")
        for mine, other in zip(flat(layer(poisoned, lengths=lengths)), expected, strict=True):
            agrees(mine, other)


def test_lengths_and_a_packed_sequence_are_the_same():
    theirs, ours = twins("LSTM", 5, 7, bidirectional=True)
    x, lengths = torch.randn(6, 3, 5, dtype=torch.float64), torch.tensor([3, 6, 1])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, states = theirs(packed)
    padded, _ = nn.utils.rnn.pad_packed_sequence(output)
    mine = flat(ours(x, lengths=lengths))
    for value, other in zip(mine, [padded, *states], strict=True):
        agrees(value, other)


def test_lengths_come_in_any_integer_dtype_and_as_a_list():
    layer = keepgate.GRU(5, 7)
    x = torch.randn(4, 2, 5)
    expected = layer(x, lengths=torch.tensor([2, 4]))[0]
    for given in (torch.tensor([2, 4], dtype=torch.int32), torch.tensor([2, 4], dtype=torch.uint8), [2, 4]):
        assert torch.equal(layer(x, lengths=given)[0], expected)
    first = keepgate.GRU(5, 7, batch_first=True)
    first.load_state_dict(layer.state_dict())
    assert torch.equal(first(x.transpose(0, 1), lengths=[2, 4])[0], expected.transpose(0, 1))


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        (torch.tensor([5, 1]), "lengths\\[0\\] is 5, but the input has 4 steps"),
        (torch.tensor([1, -1]), "lengths\\[1\\] is -1"),
        (torch.tensor([1, 2, 3]), "3,.*2 rows"),
        (torch.tensor([1.0, 2.0]), "whole numbers"),
        (torch.tensor([True, False]), "whole numbers"),
        (torch.tensor(2), "2 rows"),
    ],
)
def test_lengths_that_cannot_be_are_refused(lengths, said, as_users_run):
    with pytest.raises(keepgate.ShapeError, match=said):
        keepgate.LSTM(5, 7)(torch.randn(4, 2, 5), lengths=lengths)


def broken(data=6, sizes=(3, 2, 1), sort=None):
    batch_sizes = torch.tensor(sizes, dtype=torch.int64)
    return nn.utils.rnn.PackedSequence(torch.randn(data, 5), batch_sizes, sort, sort)


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (lambda: broken(sizes=(1, 2, 3)), "rises from 1 to 2 at step 1"),
        (lambda: broken(sizes=(4, 0, 2)), "batch_sizes\\[1\\] is 0"),
        (lambda: broken(sizes=(4, 3)), "adds up to 7, but the data has 6"),
        (lambda: broken(sizes=(4, -1, 3)), "is -1"),
        (lambda: broken(sizes=()), "batch_sizes"),
        (lambda: broken(sort=torch.tensor([0, 0, 1])), "no permutation"),
    ],
)
@pytest.mark.parametrize("name", LAYERS)
def test_a_broken_packed_sequence_is_refused(name, packed, said, as_users_run):
    with pytest.raises(keepgate.ShapeError, match=said):
        getattr(keepgate, name)(5, 7)(packed())


def test_a_packed_sequence_takes_neither_lengths_nor_resets():
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, 5)])
    layer = keepgate.LSTM(5, 7)
    with pytest.raises(keepgate.SettingsError, match="lengths inside"):
        layer(packed, lengths=[3])
    with pytest.raises(keepgate.SettingsError, match="padded input"):
        layer(packed, resets=torch.zeros(3, 1, dtype=torch.bool))
