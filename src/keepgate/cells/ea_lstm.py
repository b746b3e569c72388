"""Entity-aware LSTM: Kratzert et al. (2019), Hydrology and Earth System Sciences 23, 5089-5110, eq. 7 to 12.

    i       = sigmoid(W x_s + b)                  input gate, from what is static of a row (a river's basin)
    f, o    = sigmoid(W x_t + b + U h_{t-1} + b') forget, output gate
    g       = tanh(W x_t + b + U h_{t-1} + b')    candidate
    c_t     = f c_{t-1} + i g                     the memory
    h_t     = o tanh(c_t)                         what the memory shows

The input gate is the same at every step, so here it is a state that stays: the initial state i, which `nn.EALSTM`
computes from the static inputs. With zeros for it nothing is ever written. Ours differs from the paper in a second
bias b'. Gate order: f g o.
"""

from ..equations import Named, Step, cell, sigmoid, tanh
from .lstm import LSTM_LETTERS


@cell(gates="f g o", states="h c i", letters=LSTM_LETTERS)
def ea_lstm(wx: Named, uh: Named, s: Named) -> Step:
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * s.c + s.i * g
    return Step(h=o * tanh(c), c=c, i=s.i, f=f, g=g, o=o)
