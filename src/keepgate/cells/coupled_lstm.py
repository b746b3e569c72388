"""LSTM with coupled input and forget gate: Greff et al. (2017), "LSTM: a search space odyssey", arXiv:1503.04069, CIFG.

    i, o = sigmoid(W x_t + b + U h_{t-1} + b')     input, output gate, each with weights of its own
    g    = tanh(W x_t + b + U h_{t-1} + b')        candidate
    c_t  = (1 - i) c_{t-1} + i g                   the memory: what is written is what is erased
    h_t  = o tanh(c_t)                             what the memory shows

A closed input gate (i near 0) keeps; the trace shows f = 1 - i beside it. A quarter of the LSTM's weights are saved.
Ours differs from the paper in having no peepholes and a second bias. Gate order: i g o.
"""

from ..equations import Named, Step, cell, sigmoid, tanh
from .lstm import LSTM_LETTERS


@cell(gates="i g o", states="h c", letters=LSTM_LETTERS)
def coupled_lstm(wx: Named, uh: Named, s: Named) -> Step:
    i = sigmoid(wx.i + uh.i)
    f = 1 - i
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * s.c + i * g
    return Step(h=o * tanh(c), c=c, i=i, f=f, g=g, o=o)
