"""Gated recurrent unit as its paper has it: Cho et al. (2014), arXiv:1406.1078, equations 5 to 8.

    r, z = sigmoid(W x_t + b + U h_{t-1} + b')        reset, update gate, each with weights of its own
    n    = tanh(W x_t + b + U (r h_{t-1}) + b')      candidate
    h_t  = (1 - z) n + z h_{t-1}

An open update gate (z near 1) keeps. The paper's h with a tilde is n. The reset gate acts on h_{t-1} before
the product, so the step holds a matrix product of its own: `u.n(v)` is U v + b' of gate n. torch has no
such cell; its GRU is keepgate's gru. Ours differs from the paper in its biases, two for each gate, as in
ONNX's GRU with linear_before_reset=0. Gate order: r z n, as in gru.
"""

from ..equations import Named, OnnxOperator, Step, cell, sigmoid, tanh
from .gru import GRU_LETTERS


@cell(
    gates="r z n",
    states="h",
    recurrent="in_step",
    onnx=OnnxOperator("GRU", gates="z r n", linear_before_reset=0),
    letters=GRU_LETTERS,
)
def gru_reset_before(wx: Named, u: Named, s: Named) -> Step:
    r = sigmoid(wx.r + u.r(s.h))
    z = sigmoid(wx.z + u.z(s.h))
    n = tanh(wx.n + u.n(r * s.h))
    h = (1 - z) * n + z * s.h
    return Step(h=h, r=r, z=z, n=n)
