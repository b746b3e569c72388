"""Continuous-time recurrent network: Funahashi & Nakamura (1993), Neural Networks 6(6), by Euler's method.

    tau h' = -h + tanh(W x + b + U h + b')        the differential equation, with a time constant for each unit

and so, with one step of time between two inputs,

    k   = 1 / (1 + softplus(v))                   1 / tau, above 0 and below 1, so that no unit overshoots
    n   = tanh(W x_t + b + U h_{t-1} + b')        candidate
    h_t = (1 - k) h_{t-1} + k n

A large v makes a slow unit: tau is 1 + softplus(v) steps. It is a leaky RNN whose leak is learned. Ours differs from
the paper in the size of a step, 1, and in its second bias. One gate, n; vector v.
"""

from ..equations import Named, Step, cell, softplus, tanh


@cell(
    gates="n",
    states="h",
    vectors="v",
    letters={"k": "rate", "n": "candidate", "h": "hidden state"},
)
def ct_rnn(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    k = 1 / (1 + softplus(v.v))
    n = tanh(wx.n + uh.n)
    return Step(h=(1 - k) * s.h + k * n, k=k, n=n)
