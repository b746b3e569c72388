"""The encoder takes any cell, one of one's own included, and any input module."""

import pytest
import torch
from torch import nn

from keepgate import CellError, SettingsError
from keepgate.equations import Step, cell, sigmoid, tanh
from keepgate.nn import CELL_NAMES, Encoder


@cell(gates="f g", states="c")
def slim(wx, uh, s):
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    return Step(c=f * s.c + (1 - f) * g, f=f, g=g)


@pytest.mark.parametrize("described", [slim, *(name for name in CELL_NAMES if name != "feedforward")])
def test_any_cell_reads_what_any_input_module_gives(described) -> None:
    torch.manual_seed(0)
    series = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    encoder = Encoder(described, series, input_size=3, hidden_size=5, bidirectional=True).eval()
    x, lengths = torch.randn(7, 4, 2), torch.tensor([7, 3, 1, 5])
    states, last = encoder(x, lengths)
    assert states.shape == (7, 4, 10)
    for row, length in enumerate(lengths.tolist()):
        alone, final = encoder(x[:length, row : row + 1], torch.tensor([length]))
        torch.testing.assert_close(last[row], final[0])
        torch.testing.assert_close(last[row], torch.cat([alone[-1, 0, :5], alone[0, 0, 5:]]))
    torch.testing.assert_close(encoder.last(x, lengths), last)
    assert len(encoder.trace(x, lengths).layers) == 2


def test_a_window_reads_series_too_and_has_no_memory() -> None:
    torch.manual_seed(0)
    encoder = Encoder("feedforward", nn.Linear(2, 3), input_size=3, hidden_size=5, window=3).eval()
    x, lengths = torch.randn(7, 2, 2), torch.tensor([7, 2])
    torch.testing.assert_close(encoder.last(x, lengths), encoder(x, lengths)[1])
    with pytest.raises(CellError, match="no memory"):
        encoder.trace(x, lengths)


@pytest.mark.parametrize(
    "setting",
    [{"weight_drop": 0.5}, {"horizon": 9.0}, {"forget_bias": 1.0}, {"init": "chrono"}, {"num_layers": 2}],
)
def test_a_window_refuses_what_only_a_recurrent_layer_has(setting) -> None:
    with pytest.raises(SettingsError, match=f"leave .*{next(iter(setting))}.* alone"):
        Encoder("feedforward", nn.Identity(), input_size=3, hidden_size=5, window=3, **setting)


def test_an_unknown_name_lists_the_known_ones_nearest_first() -> None:
    with pytest.raises(SettingsError, match="choose one of lstm"):
        Encoder("lstn", nn.Identity(), input_size=3, hidden_size=5)
