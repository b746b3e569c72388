"""The recurrent network without gates, after Elman (1990), "Finding structure in time", Cognitive Science 14.

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

Ours differs from Elman's, as torch.nn.RNN does: tanh (or relu: Le, Jaitly & Hinton (2015),
arXiv:1504.00941) in place of the logistic function, a second bias b_hh, and no output layer. The identity
matrix that Le et al. start W_hh from is a choice of initial weights, not of the cell. The one block of rows
is called a, the sum before the nonlinearity (a in Goodfellow, Bengio & Courville (2016), section 10.2).
Nothing keeps: there is no gate.
"""

from ..equations import Named, OnnxOperator, Step, cell, relu, tanh

RNN_LETTERS = {"h": "hidden state"}


@cell(
    gates="a",
    states="h",
    onnx=OnnxOperator("RNN", gates="a", activations=("Tanh",)),
    letters=RNN_LETTERS,
)
def rnn_tanh(wx: Named, uh: Named, s: Named) -> Step:
    h = tanh(wx.a + uh.a)
    return Step(h=h)


@cell(
    gates="a",
    states="h",
    onnx=OnnxOperator("RNN", gates="a", activations=("Relu",)),
    letters=RNN_LETTERS,
)
def rnn_relu(wx: Named, uh: Named, s: Named) -> Step:
    h = relu(wx.a + uh.a)
    return Step(h=h)
