"""With `resets`, the pieces of a row are independent sequences, in both directions."""

from itertools import pairwise

import pytest
import torch

import keepgate
from tests.oracles import agrees, flat, gradients, twins

LAYERS = ["RNN", "LSTM", "GRU"]


def pieces(resets, length):
    """(start, end) of each piece of one row."""
    cuts = sorted({0, length, *[t for t in range(length) if resets[t]]})
    return list(pairwise(cuts))


@pytest.mark.parametrize("lengths", [None, [7, 4, 5]])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_pieces_are_as_if_alone(name, bidirectional, lengths):
    theirs, ours = twins(name, 5, 6, 1, bidirectional=bidirectional)
    x = torch.randn(7, 3, 5, dtype=torch.float64, requires_grad=True)
    resets = torch.zeros(7, 3, dtype=torch.bool)
    resets[3, 0] = resets[4, 0] = resets[5, 1] = resets[0, 2] = resets[2, 2] = True
    real = lengths or [7, 7, 7]

    def ours_output():
        return ours(x, lengths=lengths, resets=resets)[0]

    def theirs_output():
        rows = []
        for row, length in enumerate(real):
            parts = [theirs(x[a:b, row : row + 1])[0] for a, b in pieces(resets[:, row], length)]
            joined = torch.cat(parts)
            rows.append(torch.cat([joined, joined.new_zeros(7 - length, 1, joined.shape[2])]))
        return torch.cat(rows, 1)

    agrees(ours_output(), theirs_output())
    for mine, other in zip(gradients(ours_output, [x]), gradients(theirs_output, [x]), strict=True):
        agrees(mine, other, "gradient")


@pytest.mark.parametrize("name", LAYERS)
def test_a_reset_at_the_first_step_forgets_the_initial_state(name):
    layer = getattr(keepgate, name)(5, 6)
    x, h = torch.randn(4, 2, 5), torch.randn(1, 2, 6)
    hx = (h, h) if name == "LSTM" else h
    resets = torch.zeros(4, 2, dtype=torch.bool)
    resets[0, 1] = True
    cleared, kept, fresh = layer(x, hx, resets=resets)[0], layer(x, hx)[0], layer(x)[0]
    agrees(cleared[:, 1], fresh[:, 1])
    agrees(cleared[:, 0], kept[:, 0])


def test_resets_are_laid_out_as_the_input():
    layer = keepgate.GRU(5, 6, batch_first=True)
    x = torch.randn(2, 4, 5)
    resets = torch.zeros(2, 4, dtype=torch.bool)
    resets[1, 2] = True
    agrees(layer(x, resets=resets)[0][1, 2:], layer(x[1:, 2:])[0][0])
    agrees(layer(x[1], resets=resets[1])[0][2:], layer(x[1, 2:])[0])


@pytest.mark.parametrize(
    "resets", [torch.zeros(4, 2), torch.zeros(2, 4, dtype=torch.bool), torch.zeros(4, dtype=torch.bool)]
)
def test_resets_that_do_not_fit_are_refused(resets, as_users_run):
    with pytest.raises(keepgate.ShapeError, match="4 steps by 2 rows"):
        keepgate.LSTM(5, 6)(torch.randn(4, 2, 5), resets=resets)


@pytest.mark.parametrize("name", LAYERS)
def test_a_sequence_in_two_parts_or_step_by_step_is_the_whole(name):
    layer = getattr(keepgate, name)(5, 6, 2).double()
    x = torch.randn(5, 2, 5, dtype=torch.float64)
    whole = flat(layer(x))
    for cut in range(1, 5):
        first, state = layer(x[:cut])
        second, final = layer(x[cut:], state)
        agrees(torch.cat([first, second]), whole[0])
        for mine, other in zip(flat(final), whole[1:], strict=True):
            agrees(mine, other)
    state, outputs = None, []
    for step in x:
        output, state = layer(step.unsqueeze(0), state)
        outputs.append(output)
    agrees(torch.cat(outputs), whole[0])
