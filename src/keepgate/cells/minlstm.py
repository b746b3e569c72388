"""Minimal LSTM: Feng et al. (2024), "Were RNNs all we needed?", arXiv:2410.01201, section 3.2.

    p, q = sigmoid(W x_t + b)       of the forget gate and of the input gate, each with weights of its own
    f, i = p / (p + q), q / (p + q)   forget, input gate; their sum is 1
    n    = W x_t + b                candidate
    h_t  = f h_{t-1} + i n

An open forget gate (f near 1) keeps. Gates and candidate do not see h_{t-1}, so that h_t is linear in it. The paper's h
with a tilde is n. Ours differs from the paper's training code as keepgate's mingru does: the candidate may be
negative. Gate order: f i n.
"""

from ..equations import Named, Step, cell, sigmoid


@cell(
    gates="f i n",
    states="h",
    recurrent="none",
    letters={"f": "forget gate", "i": "input gate", "n": "candidate", "h": "hidden state"},
)
def minlstm(wx: Named, uh: Named, s: Named) -> Step:
    open_f = sigmoid(wx.f)
    open_i = sigmoid(wx.i)
    f = open_f / (open_f + open_i)
    i = open_i / (open_f + open_i)
    n = wx.n
    h = f * s.h + i * n
    return Step(h=h, f=f, i=i, n=n)
