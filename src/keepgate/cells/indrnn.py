"""Independently recurrent network: Li et al. (2018), arXiv:1803.04831, equation 2.

    h_t = relu(W x_t + b + u h_{t-1} + b')

u is one weight for each unit, so that a unit sees of the state before only itself: |u| is how much of a state is left
after a step. Ours differs from the paper in its second bias. One gate, a.
"""

from ..equations import Named, Step, cell, relu


@cell(gates="a", states="h", recurrent="diagonal", letters={"h": "hidden state"})
def indrnn(wx: Named, uh: Named, s: Named) -> Step:
    return Step(h=relu(wx.a + uh.a))
