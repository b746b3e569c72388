"""The network without memory: computed at the end of a row alone, it is what it is over all of the row."""

import pytest
import torch
from torch import nn

from keepgate.errors import ShapeError
from keepgate.nn import Encoder, TimeDelayLayer


def test_the_end_alone_is_the_end_of_the_whole() -> None:
    encoder = Encoder(
        "feedforward", nn.Embedding(20, 5, padding_idx=0), input_size=5, hidden_size=7, window=6
    )
    ids, lengths = torch.randint(1, 20, (11, 8)), torch.tensor([11, 0, 1, 5, 6, 7, 10, 2])
    ids = ids * (torch.arange(11).unsqueeze(1) < lengths)
    ends = []
    for last in (encoder.last(ids, lengths), encoder(ids, lengths)[1]):
        gradients = torch.autograd.grad(last.square().sum(), list(encoder.parameters()))
        ends.append((last, *gradients))
    for alone, whole in zip(*ends, strict=True):
        torch.testing.assert_close(alone, whole)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_network_with_memory_ends_as_it_does_over_the_whole(cell: str) -> None:
    encoder = Encoder(cell, nn.Embedding(20, 5, padding_idx=0), input_size=5, hidden_size=7)
    ids, lengths = torch.randint(1, 20, (11, 3)), torch.tensor([11, 4, 6])
    torch.testing.assert_close(encoder.last(ids, lengths), encoder(ids, lengths)[1])


def test_another_number_of_steps_than_a_window_has_is_refused() -> None:
    with pytest.raises(ShapeError, match="give \\[4, batch, 2\\]"):
        TimeDelayLayer(2, 3, window=4).last(torch.zeros(5, 1, 2))
