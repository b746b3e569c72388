"""Long short-term memory with peepholes: Gers & Schmidhuber (2000), "Recurrent nets that time and count".

IJCNN 2000, volume 3; at length in Gers, Schraudolph & Schmidhuber (2002), JMLR 3. With weights of their own
in each line, and for each unit a peephole p of each gate,

    i, f = sigmoid(W x_t + b + U h_{t-1} + b' + p c_{t-1})     input, forget gate
    g    = tanh(W x_t + b + U h_{t-1} + b')                   candidate
    c_t  = f c_{t-1} + i g                                    the memory
    o    = sigmoid(W x_t + b + U h_{t-1} + b' + p c_t)         output gate: it sees the new memory
    h_t  = o tanh(c_t)                                        what the memory shows

An open forget gate (f near 1) keeps. A gate that sees the memory can open when a count is reached even while
the output gate hides the memory from h.

Ours differs from the papers, as the LSTM of ONNX with its input P does: what is shown is tanh of the memory,
where the papers show the memory itself; the candidate is tanh; one unit has one memory cell of its own, not a
block of several; there are two biases; the gradient is cut nowhere. Gate order: i f g o, as in lstm.
"""

from ..equations import Named, OnnxOperator, Step, cell, sigmoid, tanh
from .lstm import LSTM_LETTERS


@cell(
    gates="i f g o",
    states="h c",
    vectors="p_i p_f p_o",
    onnx=OnnxOperator("LSTM", gates="i o f g", vectors="p_i p_o p_f"),
    letters=LSTM_LETTERS,
)
def peephole(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    i = sigmoid(wx.i + uh.i + v.p_i * s.c)
    f = sigmoid(wx.f + uh.f + v.p_f * s.c)
    g = tanh(wx.g + uh.g)
    c = f * s.c + i * g
    o = sigmoid(wx.o + uh.o + v.p_o * c)
    h = o * tanh(c)
    return Step(h=h, c=c, i=i, f=f, g=g, o=o)
