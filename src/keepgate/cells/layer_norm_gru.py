"""GRU with layer normalisation: Ba, Kiros & Hinton (2016), arXiv:1607.06450, as haste's LayerNormGRU.

    r, z = sigmoid(gamma_ih N(W x_t) + gamma_hh N(U h_{t-1}) + b)
    n    = tanh(gamma_ih N(W x_t) + b + r (gamma_hh N(U h_{t-1}) + b_hh_n))
    h_t  = (1 - z) n + z h_{t-1}

N has mean 0 and variance 1 over all gates' units of a row. Ours differs from the paper, which normalises the gates and
the candidate apart, as haste's LayerNormGRU does; W x_t and U h_{t-1} have no bias (a layer built with bias=False has
none). Gate order: torch's, r z n.
"""

from ..equations import Named, Step, cell, sigmoid, tanh
from .gru import GRU_LETTERS
from .normalisation import normalised


@cell(
    gates="r z n",
    vectors="gamma_ih_r gamma_ih_z gamma_ih_n gamma_hh_r gamma_hh_z gamma_hh_n b_r b_z b_n b_hh_n",
    letters=GRU_LETTERS,
)
def layer_norm_gru(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    x_r, x_z, x_n = normalised(wx.r, wx.z, wx.n)
    u_r, u_z, u_n = normalised(uh.r, uh.z, uh.n)
    r = sigmoid(v.gamma_ih_r * x_r + v.gamma_hh_r * u_r + v.b_r)
    z = sigmoid(v.gamma_ih_z * x_z + v.gamma_hh_z * u_z + v.b_z)
    n = tanh(v.gamma_ih_n * x_n + v.b_n + r * (v.gamma_hh_n * u_n + v.b_hh_n))
    h = (1 - z) * n + z * s.h
    return Step(h=h, r=r, z=z, n=n)
