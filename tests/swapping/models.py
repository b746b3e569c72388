"""A model of torch's layers as users have them: stacked, both ways, a cell in a loop, and what is around them."""

import torch
from torch import nn


class Tagger(nn.Module):
    """LSTM both ways in two layers → GRU, batch first → LSTMCell, RNNCell and GRUCell in a loop → RNN → linear."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        kind = {"dtype": dtype}
        self.deep = nn.LSTM(6, 8, 2, bidirectional=True, dropout=0.5, proj_size=3, **kind)
        self.inner = nn.ModuleDict({"gru": nn.GRU(6, 5, batch_first=True, bias=False, **kind)})
        self.cells = nn.ModuleList(
            [
                nn.LSTMCell(5, 5, **kind),
                nn.RNNCell(5, 5, nonlinearity="relu", **kind),
                nn.GRUCell(5, 5, **kind),
            ]
        )
        self.last = nn.RNN(5, 4, nonlinearity="relu", **kind)
        self.head = nn.Linear(4, 2, **kind)

    def forward(self, x):
        read, _ = self.deep(x)
        read = self.inner["gru"](read.transpose(0, 1))[0].transpose(0, 1)
        lstm, rnn, gru = self.cells
        states, h, g, steps = None, None, None, []
        for step in read:
            states = lstm(step, states)
            h = rnn(states[0], h)
            g = gru(h, g)
            steps.append(g)
        return self.head(self.last(torch.stack(steps))[0])


def tagger(dtype=torch.float64):
    """The model in eval mode, and what it reads."""
    return Tagger(dtype).eval(), torch.randn(7, 3, 6, dtype=dtype)
