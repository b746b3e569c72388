"""Light gated recurrent unit: Ravanelli et al. (2018), arXiv:1803.10225, equations 6 to 8.

    z   = sigmoid(W x_t + b + U h_{t-1} + b')     update gate, with weights of its own
    n   = relu(W x_t + b + U h_{t-1} + b')        candidate
    h_t = z h_{t-1} + (1 - z) n

An open update gate (z near 1) keeps. The paper's h with a tilde is n. A GRU without the reset gate, with a third fewer
weights, and with relu. Ours differs from the paper, which normalises W x_t over the batch in place of the biases.
Gate order: z n.
"""

from ..equations import Named, Step, cell, relu, sigmoid


@cell(
    gates="z n",
    states="h",
    letters={"z": "update gate", "n": "candidate", "h": "hidden state"},
)
def ligru(wx: Named, uh: Named, s: Named) -> Step:
    z = sigmoid(wx.z + uh.z)
    n = relu(wx.n + uh.n)
    return Step(h=z * s.h + (1 - z) * n, z=z, n=n)
