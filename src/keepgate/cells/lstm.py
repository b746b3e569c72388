"""Long short-term memory: Hochreiter & Schmidhuber (1997); forget gate by Gers, Schmidhuber & Cummins (2000).

Neural Computation 9(8) and 12(10). With weights of their own in each line,

    i, f, o = sigmoid(W x_t + b + U h_{t-1} + b')     input, forget, output gate
    g       = tanh(W x_t + b + U h_{t-1} + b')        candidate
    c_t     = f c_{t-1} + i g                         the memory
    h_t     = o tanh(c_t)                             what the memory shows

An open forget gate (f near 1) keeps. Courses that write z, z^i, z^f, z^o mean g, i, f, o.

Ours differs from the papers, as torch.nn.LSTM does: the candidate is tanh, not 4 sigmoid - 2, and what is
shown tanh, not 2 sigmoid - 1, of the memory; one unit has one memory cell of its own, not a block of
several; a second bias b'; no peepholes (those are in peephole); the gradient is cut nowhere, where the
paper of 1997 truncates it. Gate order: torch's, i f g o.
"""

from ..equations import Named, OnnxOperator, Step, cell, sigmoid, tanh

LSTM_LETTERS = {
    "i": "input gate",
    "f": "forget gate",
    "g": "candidate",
    "o": "output gate",
    "c": "cell state",
    "h": "hidden state",
}


@cell(
    gates="i f g o",
    states="h c",
    onnx=OnnxOperator("LSTM", gates="i o f g"),
    letters=LSTM_LETTERS,
)
def lstm(wx: Named, uh: Named, s: Named) -> Step:
    i = sigmoid(wx.i + uh.i)
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * s.c + i * g
    h = o * tanh(c)
    return Step(h=h, c=c, i=i, f=f, g=g, o=o)
