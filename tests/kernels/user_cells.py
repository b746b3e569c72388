"""Cells that the core has to interpret: copies of keepgate's, and ten of the literature as a user would write them."""

from dataclasses import replace

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
from tests.kernels.calls import CORE

# keepgate's own cells again, as cells that are not compiled into the core.
COPIES = {known.name: replace(known, name=f"my_{known.name}") for known in CORE}
my_lstm = COPIES["lstm"]


# Greff et al. (2017), arXiv:1503.04069: one gate forgets and writes.
@cell(gates="f g o", states="h c")
def coupled_lstm(wx: Named, uh: Named, s: Named) -> Step:
    f = sigmoid(wx.f + uh.f)
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * s.c + (1 - f) * g
    return Step(h=o * tanh(c), c=c, f=f, g=g, o=o)


# van der Westhuizen & Lasenby (2018), arXiv:1804.04849: a forget gate and nothing else, equation 7.
@cell(gates="f g")
def janet(wx: Named, uh: Named, s: Named) -> Step:
    a = wx.f + uh.f
    f = sigmoid(a)
    g = tanh(wx.g + uh.g)
    return Step(h=f * s.h + (1 - sigmoid(a - 1.0)) * g, f=f, g=g)


# Li et al. (2018), arXiv:1803.04831: one recurrent weight a unit.
@cell(gates="a", recurrent="diagonal")
def indrnn(wx: Named, uh: Named, s: Named) -> Step:
    return Step(h=relu(wx.a + uh.a))


# Beck et al. (2024), arXiv:2405.04517, section 2.2: exponential gates, normaliser, stabiliser.
@cell(gates="z i f o", states="h c n m")
def slstm(wx: Named, uh: Named, s: Named) -> Step:
    i, f = wx.i + uh.i, wx.f + uh.f
    m = maximum(f + s.m, i)
    write, keep = exp(i - m), exp(f + s.m - m)
    c = keep * s.c + write * tanh(wx.z + uh.z)
    n = keep * s.n + write
    return Step(h=sigmoid(wx.o + uh.o) * c / maximum(n, 1e-3), c=c, n=n, m=m, write=write, keep=keep)


# Feng et al. (2024), arXiv:2410.01201, section 3.2.
@cell(gates="f i n", recurrent="none")
def minlstm(wx: Named, uh: Named, s: Named) -> Step:
    f, i = sigmoid(wx.f), sigmoid(wx.i)
    return Step(h=f / (f + i) * s.h + i / (f + i) * wx.n, f=f, i=i)


# Ravanelli et al. (2018), arXiv:1803.10225: no reset, relu in place of tanh.
@cell(gates="z n")
def ligru(wx: Named, uh: Named, s: Named) -> Step:
    z = sigmoid(wx.z + uh.z)
    n = relu(wx.n + uh.n)
    return Step(h=z * s.h + (1 - z) * n, z=z, n=n)


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


# Funahashi & Nakamura (1993), discretised by Euler's method with a time constant of each unit's own.
@cell(gates="a", vectors="tau")
def ct_rnn(wx: Named, uh: Named, s: Named, v: Named) -> Step:
    rate = 1 / (1 + softplus(v.tau))
    return Step(h=s.h + rate * (tanh(wx.a + uh.a) - s.h), rate=rate)


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


LITERATURE = (coupled_lstm, janet, indrnn, slstm, minlstm, ligru, sru, ran, atr, ct_rnn)
USER_CELLS = (*LITERATURE, everything)
