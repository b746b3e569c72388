"""LSTM with exponential gates: Beck et al. (2024), "xLSTM", arXiv:2405.04517, equations 8 to 17, the sLSTM.

With a = W x_t + b + U h_{t-1} + b', of each gate with weights of its own,

    m_t = max(log sigmoid(a_f) + m_{t-1}, a_i)             stabiliser: the larger of the two logarithms
    i   = exp(a_i - m_t)                                   input gate
    f   = exp(log sigmoid(a_f) + m_{t-1} - m_t)            forget gate
    z   = tanh(a_z)                                        candidate
    o   = sigmoid(a_o)                                     output gate
    c_t = f c_{t-1} + i z                                  the memory
    n_t = f n_{t-1} + i                                    normaliser: what the memory would be if every z were 1
    h_t = o c_t / n_t                                      what the memory shows

m cancels: h is what the gates exp(a_i) and sigmoid(a_f) give, where those do not overflow. An open forget gate keeps.

Ours differs from the paper in having one head, with a full U, and a second bias; of the paper's two forget gates it has
the sigmoid. States start at 0; where a_i of the first step lies below -103, in single precision, i is 0 and h is NaN.
Gate order: i f z o.
"""

from ..equations import Named, Step, cell, exp, maximum, sigmoid, softplus, tanh


@cell(
    gates="i f z o",
    states="h c n m",
    letters={
        "i": "input gate",
        "f": "forget gate",
        "z": "candidate",
        "o": "output gate",
        "c": "cell state",
        "n": "normaliser",
        "m": "stabiliser",
        "h": "hidden state",
    },
)
def slstm(wx: Named, uh: Named, s: Named) -> Step:
    log_f = s.m - softplus(-(wx.f + uh.f))
    log_i = wx.i + uh.i
    m = maximum(log_f, log_i)
    i = exp(log_i - m)
    f = exp(log_f - m)
    z = tanh(wx.z + uh.z)
    o = sigmoid(wx.o + uh.o)
    c = f * s.c + i * z
    n = f * s.n + i
    return Step(h=o * c / n, c=c, n=n, m=m, i=i, f=f, z=z, o=o)
