"""Gated recurrent unit: Cho et al. (2014), arXiv:1406.1078, equations 5 to 8; reset after the product.

    r, z = sigmoid(W x_t + b + U h_{t-1} + b')        reset, update gate, each with weights of its own
    n    = tanh(W x_t + b + r (U h_{t-1} + b'))      candidate
    h_t  = (1 - z) n + z h_{t-1}

An open update gate (z near 1) keeps, as in the paper's equation 7; Chung et al. (2014), arXiv:1412.3555,
and many courses write h_t = (1 - z) h_{t-1} + z n, where an open z overwrites. The paper's h with a tilde
is n.

Ours differs from the paper, as torch.nn.GRU and cuDNN do: the reset gate acts on the product U h_{t-1} +
b', not on h_{t-1} (that form is gru_reset_before), and there are biases, two for each gate. Gate order:
torch's, r z n.
"""

from ..equations import Named, OnnxOperator, Step, cell, sigmoid, tanh

GRU_LETTERS = {"r": "reset gate", "z": "update gate", "n": "candidate", "h": "hidden state"}


@cell(
    gates="r z n",
    states="h",
    onnx=OnnxOperator("GRU", gates="z r n", linear_before_reset=1),
    letters=GRU_LETTERS,
)
def gru(wx: Named, uh: Named, s: Named) -> Step:
    r = sigmoid(wx.r + uh.r)
    z = sigmoid(wx.z + uh.z)
    n = tanh(wx.n + r * uh.n)
    h = (1 - z) * n + z * s.h
    return Step(h=h, r=r, z=z, n=n)
