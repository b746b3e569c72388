"""Cells that the core has to interpret: copies of compiled ones, keepgate's others, and some as a user would write."""

from dataclasses import replace

from keepgate.cells import coupled_lstm, ct_rnn, gru_reset_before, indrnn, ligru, minlstm, slstm
from keepgate.equations import (
    Named,
    Step,
    cell,
    exp,
    greater,
    log,
    maximum,
    minimum,
    relu,
    sigmoid,
    softplus,
    sqrt,
    step_of,
    tanh,
    where,
)
from tests.kernels.calls import COMPILED

# keepgate's own cells again, as cells that are not compiled into the core.
COPIES = {known.name: replace(known, name=f"my_{known.name}") for known in COMPILED}
my_lstm = COPIES["lstm"]


# van der Westhuizen & Lasenby (2018), arXiv:1804.04849: a forget gate and nothing else, equation 7.
@cell(gates="f g")
def janet(wx: Named, uh: Named, s: Named) -> Step:
    a = wx.f + uh.f
    f = sigmoid(a)
    g = tanh(wx.g + uh.g)
    return Step(h=f * s.h + (1 - sigmoid(a - 1.0)) * g, f=f, g=g)


# Lei et al. (2018), arXiv:1709.02755: products of the input alone, the state by weights per unit, a highway past it.
@cell(gates="f r n x", states="h c", recurrent="none", vectors="v_f v_r")
def sru(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    f = sigmoid(wx.f + v.v_f * s.c)
    r = sigmoid(wx.r + v.v_r * s.c)
    c = f * s.c + (1 - f) * wx.n
    return Step(h=r * c + (1 - r) * wx.x, c=c, f=f, r=r)


# Lee, Levy & Zettlemoyer (2017), arXiv:1705.07393: a memory that only adds.
@cell(gates="i f g", states="h c")
def ran(wx: Named, uh: Named, s: Named) -> Step:
    i, f = sigmoid(wx.i + uh.i), sigmoid(wx.f + uh.f)
    c = i * wx.g + f * s.c
    return Step(h=tanh(c), c=c, i=i, f=f)


# Zhang et al. (2018), arXiv:1810.12546: both gates from one sum and one difference.
@cell(gates="p")
def atr(wx: Named, uh: Named, s: Named) -> Step:
    i, f = sigmoid(wx.p + uh.p), sigmoid(wx.p - uh.p)
    return Step(h=i * wx.p + f * s.h, i=i, f=f)


# No paper's: an LSTM whose recurrent weights read the memory in place of the output.
@cell(gates="i f g o", states="h c", recurrent_state="c")
def reads_memory(wx: Named, uh: Named, s: Named) -> Step:
    i, f, o = sigmoid(wx.i + uh.i), sigmoid(wx.f + uh.f), sigmoid(wx.o + uh.o)
    g = tanh(wx.g + uh.g)
    c = f * s.c + i * g
    return Step(h=o * tanh(c), c=c, i=i, f=f, g=g, o=o)


# No paper's: every operation of the language.
@cell(gates="a b c", states="h m", vectors="w")
def everything(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    a, b = wx.a + uh.a, wx.b - 0.5 * uh.b
    large = greater(a, b)
    m = where(large, minimum(a, 2.0), maximum(b, s.m)) - abs(wx.c) * v.w
    n = sqrt(m * m + 1) + softplus(-b) * exp(-abs(a)) / (1 + relu(uh.c))
    # a - b is above 0 just where a is greater, so that this adds no corner.
    n = n - step_of(a - b) * log(1 + m * m) * 0.1
    return Step(h=tanh(n) * 0.5 + sigmoid(s.h) * s.m * 0.1, m=tanh(m), large=large, n=n)


# No paper's: products inside the step by the gates before and behind one whose product is none, each with its own use.
@cell(gates="b r k", states="h c", recurrent="in_step", vectors="w")
def inside(wx: Named, u: Named, s: Named, v: Named) -> Step:
    r = sigmoid(wx.r + 0.5 * u.r(s.h))
    read = r * tanh(s.c) + v.w
    b, k = tanh(wx.b + u.b(read)), sigmoid(0.5 * wx.k - softplus(u.k(read)))
    c = k * s.c + (1 - k) * b
    return Step(h=tanh(c) * r, c=c, read=read, k=k)


# No paper's: no product with the output before is left.
@cell(gates="a", recurrent="in_step")
def all_inside(wx: Named, u: Named, s: Named) -> Step:
    return Step(h=tanh(wx.a + u.a(s.h * s.h)))


# No paper's, and none for the core: two values are multiplied inside the step, one made of the other's product.
@cell(gates="r n m", recurrent="in_step")
def two_values(wx: Named, u: Named, s: Named) -> Step:
    r = sigmoid(wx.r + u.r(s.h))
    n = tanh(wx.n + u.n(r * s.h))
    return Step(h=tanh(wx.m + u.m(n)) * r, n=n)


LITERATURE = (coupled_lstm, janet, indrnn, slstm, minlstm, ligru, sru, ran, atr, ct_rnn, gru_reset_before)
USER_CELLS = (*LITERATURE, everything, reads_memory, inside, all_inside)
