"""LSTM with layer normalisation: Ba, Kiros & Hinton (2016), arXiv:1607.06450, equations 20 to 22.

    a       = gamma_ih N(W x_t) + gamma_hh N(U h_{t-1}) + b      of all four gates
    i, f, o = sigmoid(a),  g = tanh(a)
    c_t     = f c_{t-1} + i g
    n       = gamma_c N(c_t) + beta_c
    h_t     = o tanh(n)

N has mean 0 and variance 1 over all gates' units of a row, and of c over its units. Ours differs from the paper as
haste's LayerNormLSTM does: one bias b for both products, and none of W x_t and U h_{t-1} themselves, of which the
normalisation would take most away (a layer built with bias=False has none). Gate order: torch's, i f g o.
"""

from ..equations import Named, Step, cell, sigmoid, tanh
from .lstm import LSTM_LETTERS
from .normalisation import normalised


@cell(
    gates="i f g o",
    states="h c",
    vectors="gamma_ih_i gamma_ih_f gamma_ih_g gamma_ih_o gamma_hh_i gamma_hh_f gamma_hh_g gamma_hh_o "
    "b_i b_f b_g b_o gamma_c beta_c",
    letters=LSTM_LETTERS | {"n": "normalised cell state"},
)
def layer_norm_lstm(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    x_i, x_f, x_g, x_o = normalised(wx.i, wx.f, wx.g, wx.o)
    u_i, u_f, u_g, u_o = normalised(uh.i, uh.f, uh.g, uh.o)
    i = sigmoid(v.gamma_ih_i * x_i + v.gamma_hh_i * u_i + v.b_i)
    f = sigmoid(v.gamma_ih_f * x_f + v.gamma_hh_f * u_f + v.b_f)
    g = tanh(v.gamma_ih_g * x_g + v.gamma_hh_g * u_g + v.b_g)
    o = sigmoid(v.gamma_ih_o * x_o + v.gamma_hh_o * u_o + v.b_o)
    c = f * s.c + i * g
    n = v.gamma_c * normalised(c)[0] + v.beta_c
    h = o * tanh(n)
    return Step(h=h, c=c, i=i, f=f, g=g, o=o, n=n)
